package httpd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is an in-process net.Listener, which works with the clock of synctest.
type pipes struct {
	dialed chan net.Conn
	closed chan struct{}
}

func listen() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.dialed:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return new(net.IPAddr) }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p.dialed <- server:
		return client, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// get requests a path on a new connection.
func (p *pipes) get(path string) string {
	transport := &http.Transport{DialContext: p.dial, DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	res, err := (&http.Client{Transport: transport}).Get("http://usher" + path)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %s", res.StatusCode, strings.TrimSpace(string(body)))
}

// start serves on a new listener until stop is called. Then it sends the result of Serve to served.
func start(t *testing.T, o Options) (l *pipes, stop func(), served <-chan error) {
	t.Helper()
	l = listen()
	ctx, stop := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- New(o).Serve(ctx, l) }()
	return l, stop, result
}

func TestServeFinishesRequestsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entered, finish := make(chan bool), make(chan bool)
		o := testOptions(t, func(w http.ResponseWriter, r *http.Request) {
			entered <- true
			<-finish
			if err := r.Context().Err(); err != nil {
				t.Errorf("the stop ended the request: %v", err)
			}
			ok(w, r)
		})
		o.Timeouts.Drain = 3 * time.Second
		l, stop, served := start(t, o)
		answer := make(chan string)
		go func() { answer <- l.get("/graphql") }()
		<-entered

		stop()
		synctest.Wait()
		for path, want := range map[string]string{
			"/readyz":  `503 {"status":"unavailable"}`,
			"/healthz": `200 {"status":"alive"}`,
		} {
			if got := l.get(path); got != want {
				t.Errorf("%s while draining: got %s, want %s", path, got, want)
			}
		}
		<-l.closed
		if got := l.get("/healthz"); !strings.Contains(got, net.ErrClosed.Error()) {
			t.Errorf("after draining: got %s", got)
		}
		close(finish)
		if got := <-answer; got != "200 ok" {
			t.Errorf("the request in flight got %s", got)
		}
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// TestServeClosesConnectionsWhileItDrains checks that draining closes a connection with a response that says
// so, and never while the connection is idle, when a request could be lost.
func TestServeClosesConnectionsWhileItDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entered, finish := make(chan bool), make(chan bool)
		handlers := map[string]http.HandlerFunc{
			"answer":  ok,
			"nothing": func(http.ResponseWriter, *http.Request) {},
			"panic":   func(http.ResponseWriter, *http.Request) { panic("boom") },
			"flush": func(w http.ResponseWriter, _ *http.Request) {
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
			},
			"in flight": func(w http.ResponseWriter, r *http.Request) {
				entered <- true
				<-finish
				ok(w, r)
			},
		}
		o := testOptions(t, ok)
		o.Timeouts.Drain = 3 * time.Second
		more := map[string]http.Handler{}
		for name, handler := range handlers {
			more["/"+strings.ReplaceAll(name, " ", "-")] = handler
		}
		o.Routes = routes(ok, more)
		l, stop, served := start(t, o)
		paths := []string{"/healthz", "/readyz", "/unknown", "/graphql", "/answer", "/nothing", "/panic", "/flush"}
		clients := map[string]*client{}
		for _, path := range paths {
			clients[path] = l.connect(t)
			if _, closed := clients[path].get(t, "/healthz"); closed {
				t.Errorf("the response closed the connection before the stop")
			}
		}
		slow := l.connect(t)
		var answered sync.WaitGroup
		answered.Go(func() {
			if status, closed := slow.get(t, "/in-flight"); status != http.StatusOK || !closed {
				t.Errorf("the request in flight: %d, closed: %t", status, closed)
			}
		})
		<-entered

		stop()
		synctest.Wait()
		close(finish)
		time.Sleep(2 * time.Second) //nolint:forbidigo // on the clock of synctest
		for _, path := range paths {
			want := http.StatusOK
			switch path {
			case "/readyz":
				want = http.StatusServiceUnavailable
			case "/unknown":
				want = http.StatusNotFound
			case "/panic":
				want = http.StatusInternalServerError
			}
			if status, closed := clients[path].get(t, path); status != want || !closed {
				t.Errorf("%s while draining: %d, closed: %t, want %d and closed", path, status, closed, want)
			}
		}
		answered.Wait()
		if err := <-served; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

// client is a client with one persistent connection.
type client struct {
	conn   net.Conn
	answer *bufio.Reader
}

func (p *pipes) connect(t *testing.T) *client {
	t.Helper()
	conn, err := p.dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &client{conn, bufio.NewReader(conn)}
}

// get requests a path and reports whether the response closes the connection.
func (c *client) get(t *testing.T, path string) (status int, closed bool) {
	t.Helper()
	if _, err := io.WriteString(c.conn, "GET "+path+" HTTP/1.1\r\nHost: usher\r\n\r\n"); err != nil {
		t.Errorf("%s: %v", path, err)
		return 0, false
	}
	response, err := http.ReadResponse(c.answer, nil)
	if err != nil {
		t.Errorf("%s: %v", path, err)
		return 0, false
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	return response.StatusCode, response.Close
}

func TestServeGivesUpOnRequestsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		entered, left := make(chan bool), make(chan bool)
		o := testOptions(t, func(_ http.ResponseWriter, r *http.Request) {
			entered <- true
			<-r.Context().Done() // until the connection ends
			close(left)
		})
		l, stop, served := start(t, o)
		go l.get("/graphql")
		<-entered
		begin := time.Now()
		stop()
		if err := <-served; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Serve: got %v, want a timeout", err)
		}
		<-left
		if took := time.Since(begin); took != 10*time.Second {
			t.Errorf("gave up after %v", took)
		}
	})
}

func listenTCP(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestServeReportsItsListener(t *testing.T) {
	l := listenTCP(t)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := New(testOptions(t, ok)).Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want %v", err, net.ErrClosed)
	}
}

// TestServeDropsSlowClients sends one byte a second. The connection must end at the timeout of each case.
func TestServeDropsSlowClients(t *testing.T) {
	tests := []struct {
		name, sent string
		handler    http.HandlerFunc
		after      time.Duration
	}{
		{"header", "POST /graphql HTTP/1.1\r\nHost: usher\r\nX: ", ok, 5 * time.Second},
		{"body", "POST /graphql HTTP/1.1\r\nHost: usher\r\nContent-Length: 1000\r\n\r\n", func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			ok(w, r)
		}, 15 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, stop, served := start(t, testOptions(t, tt.handler))
				conn, err := l.dial(t.Context(), "", "")
				if err != nil {
					t.Fatal(err)
				}
				begin := time.Now()
				var sender sync.WaitGroup
				sender.Go(func() {
					second := time.NewTicker(time.Second)
					defer second.Stop()
					for _, err := io.WriteString(conn, tt.sent); err == nil; _, err = conn.Write([]byte{'x'}) {
						<-second.C
					}
				})
				_, _ = io.Copy(io.Discard, conn) // until the server closes the connection
				if took := time.Since(begin); took.Round(time.Second) != tt.after {
					t.Errorf("closed after %v, want %v", took, tt.after)
				}
				sender.Wait()
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
				stop()
				if err := <-served; err != nil {
					t.Errorf("Serve: %v", err)
				}
			})
		})
	}
}

// TestServeOverTCP checks on a real connection the requests that net/http rejects before a handler runs.
func TestServeOverTCP(t *testing.T) {
	l := listenTCP(t)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- New(testOptions(t, ok)).Serve(ctx, l) }()

	tests := []struct{ name, request, want string }{
		{"request", "GET /healthz HTTP/1.1\r\nHost: usher\r\n", "HTTP/1.1 200 "},
		{"server-wide options", "OPTIONS * HTTP/1.1\r\nHost: usher\r\n", "HTTP/1.1 404 "},
		{"tunnel", "CONNECT canary:443 HTTP/1.1\r\nHost: usher\r\n", "HTTP/1.1 404 "},
		{"headers too large", "GET /healthz HTTP/1.1\r\nHost: usher\r\nX: " + strings.Repeat("x", 32<<10) + "\r\n", "HTTP/1.1 431 "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", l.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			if _, err := io.WriteString(conn, tt.request+"Connection: close\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			answer := make([]byte, len(tt.want))
			if _, err := io.ReadFull(conn, answer); err != nil || string(answer) != tt.want {
				t.Errorf("got %q, %v; want %q", answer, err, tt.want)
			}
		})
	}
	stop()
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}
