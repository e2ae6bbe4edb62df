// Package httpd owns the HTTP server and what all requests share.
//
// Each request gets an id, the address of its client, a deadline and the caller that its access token
// identifies. Each response gets security headers and one line in the log. The package recovers panics of
// handlers, and starts and stops the server.
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
	// Routes returns the handlers by pattern for http.ServeMux. A handler must answer every method. A pattern
	// with a nil handler is not found. Routes may use Healthz, Readyz and CORS of s, which does not serve yet.
	Routes func(s *Server) map[string]http.Handler
	// Identify returns the caller that a bearer token identifies. Its argument has the syntax of a token.
	Identify func(token string) *access.Caller
	// Ready returns nil if requests can be served, or an error for the log. It is called at most once a second,
	// and never concurrently.
	Ready func(context.Context) error
	// AllowedOrigins are the other origins whose pages may call handlers with CORS and use the cookie.
	AllowedOrigins []string
	// LoopbackOrigins allows http://localhost, http://127.0.0.1 and http://[::1] with every port, for development.
	LoopbackOrigins bool
	// AllowedHeaders are request headers that pages of other origins may send in addition to the common ones.
	AllowedHeaders []string
	// InsecureCookies omits the attribute Secure, for plain http on a loopback address.
	InsecureCookies bool
	// TrustedProxies are the peers whose X-Forwarded-For, X-Request-ID and traceparent are trusted.
	TrustedProxies []netip.Prefix
	Timeouts       Timeouts
	// Observer logs requests and counts those in flight. Nil means an Observer with default options.
	Observer *observe.Observer
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Rand is the source of request ids. It must not fail. Nil means crypto/rand.
	Rand io.Reader
	// Handler is what Serve serves. Nil means the Server itself.
	Handler http.Handler
	// Previous is a Server that this one replaces while requests are served. They share whether the server stops and is
	// ready, and which refusals are logged. Nil means none.
	Previous *Server
}

// Server serves HTTP requests. It is an http.Handler, and Serve runs it on a listener.
type Server struct {
	*shared

	mux             *http.ServeMux
	handler         http.Handler
	identify        func(token string) *access.Caller
	proxies         proxies
	origins         origins
	allowedHeaders  []string // of CORS requests
	insecureCookies bool
	timeouts        Timeouts
	observer        *observe.Observer
	log             *slog.Logger // the observer's
	now             func() time.Time
	rand            io.Reader
}

// shared is what a Server shares with the one that it replaces.
type shared struct {
	ready    readiness
	draining atomic.Bool // the server is stopping
	refusals refusals
}

// New returns a Server. It panics if a required option is missing or an allowed origin is invalid.
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
		origins:         newOrigins(o.AllowedOrigins, o.LoopbackOrigins),
		allowedHeaders:  withCommonHeaders(o.AllowedHeaders),
		insecureCookies: o.InsecureCookies,
		timeouts:        o.Timeouts.orDefaults(),
		observer:        o.Observer,
		log:             o.Observer.Log(),
		now:             o.Now,
		rand:            cmp.Or(o.Rand, rand.Reader),
	}
	if s.handler = o.Handler; s.handler == nil {
		s.handler = s
	}
	if o.Previous != nil {
		s.shared = o.Previous.shared
	} else {
		s.shared = &shared{
			refusals: refusals{out: s.log, now: o.Now, logged: map[string]time.Time{}},
			ready:    readiness{ask: o.Ready, now: o.Now, log: s.log},
		}
	}
	s.mux = http.NewServeMux()
	for pattern, handler := range o.Routes(s) {
		if handler != nil {
			s.mux.Handle(pattern, handler)
		}
	}
	s.mux.HandleFunc("/", notFound)
	return s
}

// route calls the handler of r. It does not find an unclean path, which ServeMux would redirect with a
// response that contains text of the request. CONNECT and "OPTIONS *" have no path and are not found either.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	clean := path.Clean(r.URL.Path)
	if clean[0] != '/' || r.URL.Path != clean && r.URL.Path != clean+"/" {
		notFound(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// JSON serves a public JSON document that may be cached for maxAge.
func JSON(document func() []byte, maxAge time.Duration) http.Handler {
	cacheControl := fmt.Sprintf("public, max-age=%d", int(maxAge.Seconds()))
	return Get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", cacheControl)
		writeJSON(w, http.StatusOK, string(document()))
	}))
}

// Text serves plain text.
func Text(text string) http.Handler {
	return Get(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, text) // an error means that the client has disconnected
	}))
}

// Get allows only the methods GET and HEAD.
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
	r.Pattern = "" // for the log: no route matched
	writeStatus(w, http.StatusNotFound, "not found")
}

// writeStatus sends {"status": status}. The status must be a constant that needs no escaping.
func writeStatus(w http.ResponseWriter, code int, status string) {
	writeJSON(w, code, `{"status":"`+status+`"}`)
}

// writeJSON sends a JSON body. It ignores errors, which mean that the client has disconnected.
func writeJSON(w http.ResponseWriter, code int, body string) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(code)
	_, _ = io.WriteString(w, body+"\n")
}
