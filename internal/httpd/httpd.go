// Package httpd owns the HTTP edge around GraphQL: the routes, what happens to every request on
// its way to them, and the life of the server.
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

	"usher/internal/auth"
)

// Options are the parts of a Server. GraphQL, Identify and Ready are required.
type Options struct {
	// GraphQL answers /graphql, whatever the method.
	GraphQL http.Handler
	// Routes are further handlers by their path. They answer every method.
	Routes map[string]http.Handler
	// Page answers GET /. Nil means that there is no page.
	Page http.Handler
	// Identify says whose a bearer token is. It is only called with what has a token's form.
	Identify func(token string) *auth.Caller
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
	// InFlight counts the requests that are being served. Nil means that nobody wants to know.
	InFlight *atomic.Int64
	// Log receives a line for each request. Nil means slog.Default.
	Log *slog.Logger
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Rand is the source of request ids; it must not fail. Nil means crypto/rand.
	Rand io.Reader
}

// Server answers requests. It is an http.Handler, and Serve gives it a listener.
type Server struct {
	mux             *http.ServeMux
	identify        func(token string) *auth.Caller
	ready           readiness
	draining        atomic.Bool // the server is about to stop
	proxies         proxies
	origins         origins
	insecureCookies bool
	timeouts        Timeouts
	inFlight        *atomic.Int64
	log             *slog.Logger
	now             func() time.Time
	rand            io.Reader
}

// New returns a Server. It panics when a required option is missing, and when an allowed origin is none.
func New(o Options) *Server {
	if o.GraphQL == nil || o.Identify == nil || o.Ready == nil {
		panic("httpd: GraphQL, Identify and Ready are required")
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
		inFlight:        cmp.Or(o.InFlight, new(atomic.Int64)),
		log:             cmp.Or(o.Log, slog.Default()),
		now:             o.Now,
		rand:            cmp.Or(o.Rand, rand.Reader),
	}
	s.ready = readiness{ask: o.Ready, now: o.Now, log: s.log}
	s.mux = s.routes(o)
	return s
}

// routes lists everything that the server answers.
func (s *Server) routes(o Options) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("/graphql", s.origins.share(o.GraphQL))
	mux.Handle(healthPath, get(http.HandlerFunc(alive)))
	mux.Handle(readyPath, get(http.HandlerFunc(s.readyz)))
	for path, handler := range o.Routes {
		mux.Handle(path, handler)
	}
	if o.Page != nil {
		mux.Handle("/{$}", get(o.Page))
	}
	mux.HandleFunc("/", notFound)
	return mux
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
	return get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", cacheControl)
		writeJSON(w, http.StatusOK, string(document()))
	}))
}

// Text answers GET with a text.
func Text(text string) http.Handler {
	return get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text) // when the client is gone nobody is left to be told
	}))
}

// get lets only GET and HEAD pass.
func get(next http.Handler) http.Handler {
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
