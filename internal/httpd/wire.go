package httpd

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync/atomic"
)

// mustClose reports whether the connection must end with the response to r, because a proxy may see a
// different end of r. The following bytes could then be a request that the proxy considers part of this one
// (request smuggling).
//
//   - Transfer-Encoding: the request may also have had a Content-Length, which net/http removes (RFC 9112 §6.1).
//     Clients of this server know the length of their requests.
//   - HTTP/1.0: the request may have had a Transfer-Encoding, which net/http removes (RFC 9112 §6.1).
//   - A header section with a bare LF or a folded line, which net/http accepts (RFC 9112 §2.2, §5.2).
func mustClose(r *http.Request) bool {
	wire, ok := wireOf(r)
	return len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) || ok && wire.lenient.Load()
}

// wire is a connection that inspects header sections while net/http reads them. A Read never crosses the end of
// a header section, so that when the handler runs, wire has inspected the sections up to its request and no
// further. A Read never crosses the end of a body either. net/http reads one byte after a body in the
// background, and that byte must not belong to the next body, because expectBody has not been called for it.
//
// net/http reads from one goroutine at a time. It also reads in the background while a handler runs. If the
// request has a body, the background read starts after the body has been read, so after expectBody. If it has
// no body, the background read starts before the handler, and expectBody has no effect.
type wire struct {
	net.Conn
	buffer []byte // backs held
	held   []byte // read from Conn and not yet returned
	err    error  // to return after held

	body int64 // remaining bytes of the request's body

	started bool // the header section has its first line
	length  int  // of the current line
	cr      bool // the last byte of the current line is a CR

	lenient atomic.Bool // a header section had a bare LF or a folded line
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.held) > 0 {
		n := w.inspect(p[:copy(p, w.held)])
		w.held = w.held[n:]
		return n, nil
	}
	if w.err != nil {
		return 0, w.err
	}
	got, err := w.Conn.Read(p)
	n := w.inspect(p[:got])
	if n == got {
		return n, err
	}
	w.buffer = append(w.buffer[:0], p[n:got]...)
	w.held, w.err = w.buffer, err
	return n, nil
}

// expectBody sets the length of the body after the header section.
func (w *wire) expectBody(length int64) {
	if length > 0 {
		w.body = length
	}
}

// CloseWrite lets net/http end a response while the client is still sending.
func (w *wire) CloseWrite() error {
	if c, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// inspect inspects the next bytes up to the end of a body or of a header section, and returns their number.
func (w *wire) inspect(p []byte) (n int) {
	if w.body > 0 {
		n = int(min(w.body, int64(len(p))))
		w.body -= int64(n)
		return n
	}
	for n < len(p) {
		line, _, ends := bytes.Cut(p[n:], []byte{'\n'})
		if len(line) > 0 {
			if w.length == 0 && w.started && (line[0] == ' ' || line[0] == '\t') {
				w.lenient.Store(true)
			}
			w.length += len(line)
			w.cr = line[len(line)-1] == '\r'
		}
		n += len(line)
		if !ends {
			break
		}
		n++
		if !w.cr {
			w.lenient.Store(true)
		}
		empty := w.length == 0 || w.length == 1 && w.cr
		ended := empty && w.started // empty lines before the request line are ignored: RFC 9112 §2.2
		w.started = !empty
		w.length, w.cr = 0, false
		if ended {
			break
		}
	}
	return n
}

// wires is a listener whose connections are wires. It does not wrap TLS connections, which no proxy can parse.
type wires struct{ net.Listener }

func (l wires) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if _, encrypted := c.(*tls.Conn); err != nil || encrypted {
		return c, err
	}
	return &wire{Conn: c}, nil
}

type wireKey struct{}

// wireOf returns the wire on which r was received, if any.
func wireOf(r *http.Request) (w *wire, ok bool) {
	w, ok = r.Context().Value(wireKey{}).(*wire)
	return w, ok
}

// withWire implements http.Server.ConnContext.
func withWire(ctx context.Context, c net.Conn) context.Context {
	if w, ok := c.(*wire); ok {
		return context.WithValue(ctx, wireKey{}, w)
	}
	return ctx
}
