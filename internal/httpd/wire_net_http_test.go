package httpd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestWireChangesNoResponse sends random streams of requests to net/http with and without wires. The responses
// must be the same. TestFraming has requests with a bare LF or a folded line.
func TestWireChangesNoResponse(t *testing.T) {
	t.Parallel()
	plain, watched := serveNetHTTP(t, false), serveNetHTTP(t, true)
	const seed = 12
	random := rand.New(rand.NewPCG(seed, 0))
	answers := 0
	for i := range 300 {
		stream := randomStream(random)
		parts := randomParts(random, stream)
		want, wantWhole := answersTo(t, plain, parts)
		got, gotWhole := answersTo(t, watched, parts)
		if wantWhole && gotWhole && got != want {
			t.Fatalf("stream %d in %d parts: %.1500q\nplain net/http: %.600q\nwith a wire:    %.600q", i, len(parts), stream, want, got)
		}
		if wantWhole && gotWhole {
			answers += strings.Count(got, "HTTP/1.1 ")
		}
	}
	if answers < 300 {
		t.Errorf("compared only %d responses", answers)
	}
}

// serveNetHTTP serves with http.Server alone until the test ends.
func serveNetHTTP(t *testing.T, watched bool) (address string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(readSome), ReadHeaderTimeout: 10 * time.Second, MaxHeaderBytes: maxHeaderBytes}
	address = l.Addr().String()
	if watched {
		server.ConnContext = withWire
		l = wires{l}
	}
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		served.Wait()
	})
	return address
}

// readSome reads all of a body, the start of it or nothing, depending on the path.
func readSome(w http.ResponseWriter, r *http.Request) {
	if wire, ok := wireOf(r); ok {
		wire.expectBody(r.ContentLength)
	}
	if mustClose(r) { // only because of Transfer-Encoding, unless the wire has mistaken a body for a header section
		w.Header()["Connection"] = closing
	}
	var body []byte
	var err error
	switch r.URL.Path {
	case "/none":
	case "/start":
		body, _ = io.ReadAll(io.LimitReader(r.Body, 7))
	default:
		body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, 64<<10))
	}
	_, _ = fmt.Fprintf(w, "%s %d %x %t", r.Method, len(body), body[:min(len(body), 50)], err != nil)
}

// pieces are parts of bodies. They look like parts of a header section.
var pieces = []string{
	"\n", "\r\n", "a\n\n", "\r\n\r\n", "x", "GET / HTTP/1.1\r\n", "0\r\n\r\n", " ", "\t", "\r", "abcdefgh",
	strings.Repeat("z", 100), strings.Repeat("q\n\n", 2000), strings.Repeat("\n", 5000),
}

// randomStream returns a few requests. The last one may be incomplete.
func randomStream(random *rand.Rand) []byte {
	oneIn := func(n int) bool { return random.IntN(n) == 0 }
	var stream bytes.Buffer
	for range 1 + random.IntN(6) {
		method := []string{"GET", "POST", "PUT"}[random.IntN(3)]
		path := []string{"/all", "/all", "/start", "/none"}[random.IntN(4)]
		_, _ = fmt.Fprintf(&stream, "%s %s HTTP/1.1\r\nHost: usher\r\n", method, path)
		for range random.IntN(3) {
			_, _ = fmt.Fprintf(&stream, "X-%d: %s\r\n", random.IntN(9), strings.Repeat("v", random.IntN(3000)))
		}
		if oneIn(40) {
			stream.WriteString("Connection: close\r\n")
		}
		if oneIn(12) {
			stream.WriteString("Expect: 100-continue\r\n")
		}
		if method == "GET" && !oneIn(4) {
			stream.WriteString("\r\n")
			continue
		}
		var body bytes.Buffer
		for range random.IntN(5) {
			body.WriteString(pieces[random.IntN(len(pieces))])
		}
		if oneIn(30) { // more than MaxBytesReader allows
			body.WriteString(strings.Repeat("ab\n\n", 20_000))
		}
		if oneIn(15) {
			stream.WriteString("Transfer-Encoding: chunked\r\n\r\n")
			for body.Len() > 0 {
				chunk := body.Next(1 + random.IntN(500))
				_, _ = fmt.Fprintf(&stream, "%x\r\n%s\r\n", len(chunk), chunk)
			}
			stream.WriteString("0\r\n\r\n")
			continue
		}
		_, _ = fmt.Fprintf(&stream, "Content-Length: %d\r\n\r\n%s", body.Len(), body.Bytes())
	}
	if oneIn(10) {
		stream.Truncate(random.IntN(stream.Len() + 1))
	}
	return stream.Bytes()
}

// randomParts splits a stream into parts, each sent with one write.
func randomParts(random *rand.Rand, stream []byte) (parts [][]byte) {
	most := len(stream)/100 + 1 + random.IntN(4000)
	for len(stream) > 0 {
		n := min(len(stream), 1+random.IntN(most))
		parts, stream = append(parts, stream[:n]), stream[n:]
	}
	return parts
}

var date = regexp.MustCompile(`Date: [^\r]*\r\n`)

// answersTo returns everything that a server sends. It may be incomplete if the server closes the connection
// before it has read everything, because TCP may then drop the end of the response.
func answersTo(t *testing.T, address string, parts [][]byte) (answers string, whole bool) {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	var sent sync.WaitGroup
	defer sent.Wait()
	sent.Go(func() {
		for _, part := range parts {
			if _, err := c.Write(part); err != nil {
				return // the server has closed the connection, as the responses show
			}
		}
		_ = c.(*net.TCPConn).CloseWrite()
	})
	all, err := io.ReadAll(c)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		t.Fatal(err)
	}
	return date.ReplaceAllString(string(all), ""), err == nil
}
