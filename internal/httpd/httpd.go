// Package httpd owns what all HTTP requests have in common: it prepares each one, hands it to its route,
// completes the answer, and starts and stops the server.
//
// Each request gets an id, the address of its client, a deadline and the caller that its access
// token names; each answer gets safe headers and one line in the log. A panic is caught here.
package httpd

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"path"
	"sync/atomic"
	"time"

	"usher/internal/auth/access"
	"usher/internal/observe"
)

// Options are the parts of a Server. Routes, Identify and Ready are required.
type Options struct {
	// Routes returns what the server answers: handlers by their pattern for http.ServeMux, which answer
	// every method. Nothing is found at a pattern whose handler is nil, nor at any other path. The server
	// is there for its own endpoints, Healthz and Readyz, and for Share; it serves nothing yet.
	Routes func(s *Server) map[string]http.Handler
	// Identify says whose a bearer token is. It is only called with what has a token's form.
	Identify func(token string) *access.Caller
	// Ready says whether requests can be served: nil, or why not, for the log. It is asked at most
	// once a second, and never twice at the same time.
	Ready func(context.Context) error
	// AllowedOrigins are those whose pages may call /graphql, besides the server's own, with cookies.
	AllowedOrigins []string
	// InsecureCookies leaves the attribute Secure out, for plain http on the machine itself.
	InsecureCookies bool
	// TrustedProxies are the peers whose X-Forwarded-For and X-Request-ID are believed.
	TrustedProxies []netip.Prefix
	Timeouts       Timeouts
	// Observer logs a line for each request, and counts those in flight. Nil means one with the defaults.
	Observer *observe.Observer
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Rand is the source of request ids; it must not fail. Nil means crypto/rand.
	Rand io.Reader
}

// Server answers requests. It is an http.Handler, and Serve gives it a listener.
type Server struct {
	mux             *http.ServeMux
	identify        func(token string) *access.Caller
	ready           readiness
	draining        atomic.Bool // the server is about to stop
	proxies         proxies
	origins         origins
	insecureCookies bool
	timeouts        Timeouts
	observer        *observe.Observer
	log             *slog.Logger // the observer's
	now             func() time.Time
	rand            io.Reader
}

// New returns a Server. It panics when a required option is missing, and when an allowed origin is none.
func New(o Options) *Server {
	if o.Routes == nil || o.Identify == nil || o.Ready == nil {
		panic("httpd: Routes, Identify and Ready are required")
	}
	if o.Observer == nil {
		o.Observer = observe.New(observe.Options{})
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{
		identify:        o.Identify,
		proxies:         o.TrustedProxies,
		origins:         newOrigins(o.AllowedOrigins),
		insecureCookies: o.InsecureCookies,
		timeouts:        o.Timeouts.orDefaults(),
		observer:        o.Observer,
		log:             o.Observer.Log(),
		now:             o.Now,
		rand:            cmp.Or(o.Rand, rand.Reader),
	}
	s.ready = readiness{ask: o.Ready, now: o.Now, log: s.log}
	s.mux = http.NewServeMux()
	for pattern, handler := range o.Routes(s) {
		if handler != nil {
			s.mux.Handle(pattern, handler)
		}
	}
	s.mux.HandleFunc("/", notFound)
	return s
}

// route hands r to its route. ServeMux would answer an unclean path by a redirect, which repeats
// outside text; nobody has a reason to send one. CONNECT and "OPTIONS *" have no path at all.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	clean := path.Clean(r.URL.Path)
	if clean[0] != '/' || r.URL.Path != clean && r.URL.Path != clean+"/" {
		notFound(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// JSON answers GET with a public document, which others may keep for maxAge.
func JSON(document func() []byte, maxAge time.Duration) http.Handler {
	cacheControl := fmt.Sprintf("public, max-age=%d", int(maxAge.Seconds()))
	return Get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", cacheControl)
		writeJSON(w, http.StatusOK, string(document()))
	}))
}

// Text answers GET with a text.
func Text(text string) http.Handler {
	return Get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text) // when the client is gone nobody is left to be told
	}))
}

// Get lets only GET and HEAD pass to next.
func Get(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeStatus(w, http.StatusMethodNotAllowed, "method not allowed")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	r.Pattern = "" // for the log: this is no route
	writeStatus(w, http.StatusNotFound, "not found")
}

// writeStatus answers {"status": status}. The status is a constant that needs no escape.
func writeStatus(w http.ResponseWriter, code int, status string) {
	writeJSON(w, code, `{"status":"`+status+`"}`)
}

// writeJSON sends a body of JSON. When the client is gone nobody is left to be told.
func writeJSON(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body+"\n")
}
