package httpd

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"usher/internal/auth/access"
)

// serveTCP serves on a real socket until the test ends.
func serveTCP(t testing.TB, o Options) (address string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- New(o).Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// echo responds with the body of the request.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = fmt.Fprintf(w, "%s %s", r.Method, body)
}

// TestFraming sends requests on a socket. A request with an ambiguous end must close the connection.
func TestFraming(t *testing.T) {
	t.Parallel()
	const (
		get  = "GET /graphql HTTP/1.1\r\nHost: usher\r\n\r\n"
		post = "POST /graphql HTTP/1.1\r\nHost: usher\r\n"
	)
	tests := map[string]struct {
		send   string
		want   []string // the responses
		closed bool
	}{
		"nothing odd":       {get, []string{"200 GET "}, false},
		"a body":            {post + "Content-Length: 3\r\n\r\nabc", []string{"200 POST abc"}, false},
		"LF in a body":      {post + "Content-Length: 6\r\n\r\na\n\nb\n ", []string{"200 POST a\n\nb\n "}, false},
		"an unread body":    {strings.Replace(post, "/graphql", "/healthz", 1) + "Content-Length: 6\r\n\r\na\n\nb\n ", []string{"405 {\"status\":\"method not allowed\"}\n"}, false},
		"pipelined":         {get + get, []string{"200 GET ", "200 GET "}, false},
		"pipelined, bodies": {post + "Content-Length: 2\r\n\r\n\n\n" + post + "Content-Length: 2\r\n\r\n \n" + get, []string{"200 POST \n\n", "200 POST  \n", "200 GET "}, false},
		"an unread body, pipelined": {
			strings.Replace(post, "/graphql", "/healthz", 1) + "Content-Length: 1\r\n\r\na" + post + "Content-Length: 2\r\n\r\n\n\n" + get + get,
			[]string{"405 {\"status\":\"method not allowed\"}\n", "200 POST \n\n", "200 GET ", "200 GET "},
			false,
		},
		"empty line after POST": {post + "Content-Length: 1\r\n\r\na\r\n" + get, []string{"200 POST a", "200 GET "}, false},
		"same length twice":     {post + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", []string{"200 POST abc"}, false},

		"Transfer-Encoding": {post + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", []string{"200 POST abc"}, true},
		"length, then encoding": {
			post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + get, []string{"200 POST abc"}, true,
		},
		"encoding, then length": {
			post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + get, []string{"200 POST abc"}, true,
		},
		"encoding in HTTP/1.0": {
			"POST /graphql HTTP/1.0\r\nHost: usher\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc" + get,
			[]string{"200 POST abc"},
			true,
		},
		"HTTP/1.0 that would stay": {"GET /graphql HTTP/1.0\r\nHost: usher\r\nConnection: keep-alive\r\n\r\n" + get, []string{"200 GET "}, true},

		"bare LF after the request line": {"GET /graphql HTTP/1.1\nHost: usher\r\n\r\n" + get, []string{"200 GET "}, true},
		"bare LF after a header":         {"GET /graphql HTTP/1.1\r\nHost: usher\nX: y\r\n\r\n" + get, []string{"200 GET "}, true},
		"bare LF as the empty line":      {"GET /graphql HTTP/1.1\r\nHost: usher\r\n\n" + get, []string{"200 GET "}, true},
		"bare LF before a body":          {post + "Content-Length: 3\r\n\nabc" + get, []string{"200 POST abc"}, true},
		"bare LF everywhere":             {"GET /graphql HTTP/1.1\nHost: usher\n\n" + get, []string{"200 GET "}, true},
		"folded line":                    {"GET /graphql HTTP/1.1\r\nHost: usher\r\nX: a\r\n b\r\n\r\n" + get, []string{"200 GET "}, true},
		"folded line by a tab":           {"GET /graphql HTTP/1.1\r\nHost: usher\r\nX: a\r\n\tContent-Length: 3\r\n\r\n" + get, []string{"200 GET "}, true},
		"odd second":                     {get + "GET /graphql HTTP/1.1\nHost: usher\r\n\r\n" + get, []string{"200 GET ", "200 GET "}, true},
		"odd after a body":               {post + "Content-Length: 3\r\n\r\nabc" + "GET /graphql HTTP/1.1\r\nHost: usher\r\n\n" + get, []string{"200 POST abc", "200 GET "}, true},
		"odd, and nobody reads the body": {
			strings.Replace(post, "/graphql", "/healthz", 1) + "Content-Length: 3\nX: y\r\n\r\nabc" + get,
			[]string{"405 {\"status\":\"method not allowed\"}\n"},
			true,
		},
		"panic": {"GET /panic HTTP/1.1\nHost: usher\r\n\r\n" + get, []string{"500 panic"}, true},

		"two lengths": {post + "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabc" + get, []string{"400 400 Bad Request"}, true},
	}
	for name, tt := range tests {
		for by, write := range map[string]func(c net.Conn, text string) error{
			"at once": func(c net.Conn, text string) error {
				_, err := io.WriteString(c, text)
				return err
			},
			"byte by byte": func(c net.Conn, text string) error {
				_, err := io.Copy(c, iotest.OneByteReader(strings.NewReader(text)))
				return err
			},
		} {
			t.Run(name+"/"+by, func(t *testing.T) {
				t.Parallel()
				o := testOptions(t, echo)
				o.Routes = routes(echo, map[string]http.Handler{"/panic": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") })})
				c, err := new(net.Dialer).DialContext(t.Context(), "tcp", serveTCP(t, o))
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
					t.Fatal(err)
				}
				sent := make(chan error, 1)
				go func() { sent <- write(c, tt.send) }()
				answers := bufio.NewReader(c)
				for i, want := range tt.want {
					if got := readAnswer(t, answers, tt.closed && i == len(tt.want)-1); !strings.HasPrefix(got, want) && !strings.HasPrefix(want, "500") {
						t.Fatalf("answer %d: got %q, want %q", i, got, want)
					}
				}
				if tt.closed {
					// The connection may end with a reset if the server has not read everything.
					if rest, err := io.ReadAll(answers); len(rest) > 0 || errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("the connection stays open: %q, %v", rest, err)
					}
					<-sent
					return
				}
				if err := <-sent; err != nil {
					t.Fatal(err)
				}
				if err := write(c, get); err != nil {
					t.Fatal(err)
				}
				if got := readAnswer(t, answers, false); got != "200 GET " {
					t.Errorf("the next request: got %q", got)
				}
			})
		}
	}
}

func readAnswer(t *testing.T, r *bufio.Reader, last bool) string {
	t.Helper()
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.Close != last {
		t.Errorf("%d: the response closes the connection: %t, want %t", response.StatusCode, response.Close, last)
	}
	return fmt.Sprintf("%d %s", response.StatusCode, body)
}

// TestKeepAlive sends many requests on one connection without pauses.
func TestKeepAlive(t *testing.T) {
	t.Parallel()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", serveTCP(t, testOptions(t, echo)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answers := bufio.NewReader(c)
	for i := range 300 {
		text := strings.Repeat("a\n\n", i*100)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://usher/graphql", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Write(c); err != nil {
			t.Fatal(err)
		}
		if got := readAnswer(t, answers, false); got != "200 POST "+text {
			t.Fatalf("request %d: %d bytes", i, len(got))
		}
	}
}

// TestTLSListener checks that net/http recognizes TLS connections.
func TestTLSListener(t *testing.T) {
	t.Parallel()
	donor := httptest.NewUnstartedServer(nil)
	donor.StartTLS() // for its certificate
	defer donor.Close()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	o := testOptions(t, func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.TLS != nil) })
	go func() {
		served <- New(o).Serve(ctx, tls.NewListener(l, &tls.Config{Certificates: donor.TLS.Certificates, MinVersion: tls.VersionTLS13}))
	}()
	client := donor.Client()
	response, err := client.Get("https://" + l.Addr().String() + "/graphql")
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if string(body) != "true" {
		t.Errorf("the handler sees TLS: %s", body)
	}
	client.CloseIdleConnections()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// FuzzWire reads a stream in parts of any size. The bytes and the findings must be the same as in one part.
func FuzzWire(f *testing.F) {
	f.Add("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\nHost: a\n\n", uint8(3), uint16(0))
	f.Add("POST / HTTP/1.1\r\nA: b\r\n c\r\n\r\nabc", uint8(1), uint16(3))
	f.Fuzz(func(t *testing.T, stream string, cut uint8, body uint16) {
		read := func(r io.Reader) (string, bool) {
			w := &wire{Conn: reading{r}}
			var out strings.Builder
			p := make([]byte, 64)
			section := ""
			for {
				skipped := w.body
				n, err := w.Read(p)
				out.Write(p[:n])
				section += string(p[min(skipped, int64(n)):n])
				if !w.started && w.length == 0 && strings.Trim(section, "\r\n") != "" {
					section = ""
					w.expectBody(int64(body))
				}
				if err != nil {
					return out.String(), w.lenient.Load()
				}
			}
		}
		whole, lenient := read(strings.NewReader(stream))
		if whole != stream {
			t.Fatalf("got %q of %q", whole, stream)
		}
		parts, lenientParts := read(&chopped{stream, int(cut%16) + 1})
		if parts != stream || lenient != lenientParts {
			t.Fatalf("in parts of %d: got %q of %q, lenient %t and %t", cut%16+1, parts, stream, lenient, lenientParts)
		}
	})
}

type reading struct{ io.Reader }

func (reading) Close() error                     { return nil }
func (reading) LocalAddr() net.Addr              { return nil }
func (reading) RemoteAddr() net.Addr             { return nil }
func (reading) SetDeadline(time.Time) error      { return nil }
func (reading) SetReadDeadline(time.Time) error  { return nil }
func (reading) SetWriteDeadline(time.Time) error { return nil }
func (reading) Write(p []byte) (int, error)      { return len(p), nil }

// chopped is a connection that returns a few bytes at a time.
type chopped struct {
	text string
	size int
}

func (c *chopped) Read(p []byte) (int, error) {
	if c.text == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), c.size)], c.text)
	c.text = c.text[n:]
	return n, nil
}

// BenchmarkConnection measures a request on a persistent connection, including reading it.
func BenchmarkConnection(b *testing.B) {
	address := serveTCP(b, Options{
		Routes:   routes(echo, nil),
		Identify: func(string) *access.Caller { return nil },
		Ready:    ready,
		Observer: logTo(slog.DiscardHandler),
	})
	c, err := new(net.Dialer).DialContext(b.Context(), "tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	body := `{"query":"{ me { username } }"}`
	request := []byte("POST /graphql HTTP/1.1\r\nHost: usher\r\nAuthorization: Bearer " + strings.Repeat("a", 400) +
		"\r\nContent-Type: application/json\r\nUser-Agent: curl/8.0\r\nAccept: */*\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\n\r\n" + body)
	answers := bufio.NewReader(c)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(request); err != nil {
			b.Fatal(err)
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			b.Fatal(err)
		}
		_, err = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if err != nil {
			b.Fatal(err)
		}
	}
}
