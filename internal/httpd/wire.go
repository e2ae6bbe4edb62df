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

// isLast reports whether the connection must end with the answer to r, because a proxy may have found another
// end of r. The next bytes of the connection may then be a request that the proxy took for part of this one
// (request smuggling).
//
//   - Transfer-Encoding: there may have been a Content-Length beside it, which net/http removes (RFC 9112
//     §6.1). Clients of this server know how long their requests are.
//   - HTTP/1.0: there may have been a Transfer-Encoding, which net/http removes (RFC 9112 §6.1).
//   - A header section with a bare LF or a folded line, which net/http accepts (RFC 9112 §2.2, §5.2).
func isLast(r *http.Request) bool {
	wire, ok := wireOf(r)
	return len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) || ok && wire.odd.Load()
}

// wire is a connection that looks at the header sections on their way to net/http. It hands out nothing
// beyond the end of one at a time, so that all that it has seen by the time the handler runs is that one. It
// hands out nothing beyond the end of a body either: in the background net/http reads a byte after it, and
// that must not be one of the next body, of which expectBody has not told yet.
//
// net/http reads from one goroutine at a time. While a handler runs, net/http reads on in the background. With
// a body it begins to when the body has been read, and expectBody was called before that. Without a body it
// begins before the handler does, and then expectBody changes nothing.
type wire struct {
	net.Conn
	buffer []byte // holds
	held   []byte // what was read and is not handed out yet, and
	err    error  // what to return after it

	body int64 // how much of the request's body is to come

	started bool // the header section: it has its first line
	length  int  // of the line so far
	cr      bool // that is its last byte

	odd atomic.Bool // a header section had a bare LF or a folded line
}

// Read implements net.Conn.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.held) > 0 {
		n := w.watch(p[:copy(p, w.held)])
		w.held = w.held[n:]
		return n, nil
	}
	if w.err != nil {
		return 0, w.err
	}
	got, err := w.Conn.Read(p)
	n := w.watch(p[:got])
	if n == got {
		return n, err
	}
	w.buffer = append(w.buffer[:0], p[n:got]...)
	w.held, w.err = w.buffer, err
	return n, nil
}

// expectBody notes how long the body is that follows the header section.
func (w *wire) expectBody(length int64) {
	if length > 0 {
		w.body = length
	}
}

// CloseWrite lets net/http finish an answer while the client still sends.
func (w *wire) CloseWrite() error {
	if c, ok := w.Conn.(interface{ CloseWrite() error }); ok {
		return c.CloseWrite()
	}
	return errors.ErrUnsupported
}

// watch looks at the bytes that come next, up to the end of a body or of a header section, and returns how many.
func (w *wire) watch(p []byte) (n int) {
	if w.body > 0 {
		n = int(min(w.body, int64(len(p))))
		w.body -= int64(n)
		return n
	}
	for n < len(p) {
		line, _, ends := bytes.Cut(p[n:], []byte{'\n'})
		if len(line) > 0 {
			if w.length == 0 && w.started && (line[0] == ' ' || line[0] == '\t') {
				w.odd.Store(true)
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
			w.odd.Store(true)
		}
		empty := w.length == 0 || w.length == 1 && w.cr
		ended := empty && w.started // before the first line, empty ones do not count: RFC 9112 §2.2
		w.started = !empty
		w.length, w.cr = 0, false
		if ended {
			break
		}
	}
	return n
}

// wires is a listener whose connections are wires. What is encrypted is left alone: nobody on the way reads it.
type wires struct{ net.Listener }

func (l wires) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if _, encrypted := c.(*tls.Conn); err != nil || encrypted {
		return c, err
	}
	return &wire{Conn: c}, nil
}

type wireKey struct{}

// wireOf returns the connection of r if it is a wire.
func wireOf(r *http.Request) (w *wire, ok bool) {
	w, ok = r.Context().Value(wireKey{}).(*wire)
	return w, ok
}

// withWire is for http.Server.ConnContext.
func withWire(ctx context.Context, c net.Conn) context.Context {
	if w, ok := c.(*wire); ok {
		return context.WithValue(ctx, wireKey{}, w)
	}
	return ctx
}
