package httpd

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/cookie"
	"usher/internal/observe"
	"usher/internal/request"
)

// exchange is a request and its response. It wraps the connection's ResponseWriter to record what is sent.
type exchange struct {
	http.ResponseWriter
	server *Server
	start  time.Time
	request.Exchange
	jar          cookie.Jar
	body         body
	end          func(error) // of its step
	trusted      bool        // the peer is a trusted proxy
	mustClose    bool        // the connection must end with the response
	disconnected bool        // the client closed the connection before the response was complete
	status       int         // 0 until the response starts
	bytes        int64       // of the response body

	// The request id in binary and as a header value. They are here to save two allocations.
	random [16]byte
	id     [1]string
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.observer.BeginRequest()
	defer s.observer.EndRequest()
	if w, ok := wireOf(r); ok {
		w.expectBody(r.ContentLength)
	}
	x := &exchange{ResponseWriter: w, server: s, start: s.now(), mustClose: mustClose(r)}
	connected := r.Context() // ends when the client disconnects; the handler's context also has a timeout
	defer func() {
		cause := recover()
		x.disconnected = connected.Err() != nil
		x.finish(r, cause)
	}()
	x.describe(r)
	x.readCookies(r)
	x.setHeaders()

	ctx, cancel := context.WithTimeout(cookie.With(request.With(r.Context(), &x.Exchange), &x.jar), s.timeouts.Request)
	defer cancel()
	ctx = x.begun(ctx, r)
	ctx = access.WithCaller(ctx, s.caller(r.Header["Authorization"]))
	r = r.WithContext(ctx) // a copy, so the caller's request keeps its body
	if r.ContentLength != 0 {
		x.body = body{r.Body, s.observer}
		r.Body = &x.body
	}
	s.route(x, r)
}

// begun begins the step of the request. Its trace is that of the headers if they come from a trusted proxy. Anybody else could
// have each request sampled, or put it into a trace of others.
func (x *exchange) begun(ctx context.Context, r *http.Request) context.Context {
	kind := observe.Request
	if r.URL.Path == HealthPath || r.URL.Path == ReadyPath {
		kind = observe.Health
	}
	if x.trusted {
		ctx = x.server.observer.Continue(ctx, r.Header)
	}
	ctx, x.end = x.server.observer.Step(ctx, kind, "")
	x.Info.Trace = observe.Reference(ctx)
	return ctx
}

// ended ends the step of the request.
func (x *exchange) ended(r *http.Request, panicked bool) {
	if x.end == nil { // it has not begun
		return
	}
	observe.Answered(r.Context(), &observe.Response{
		ID: x.Info.ID, Method: r.Method, Route: strings.TrimSuffix(r.Pattern, "{$}"), Status: x.status,
	})
	switch {
	case panicked:
		x.end(failed("panic"))
	case x.status >= 500:
		x.end(failed(strconv.Itoa(x.status)))
	default:
		x.end(nil)
	}
}

// failed says how the server failed: a status, or that it panicked.
type failed string

func (f failed) Error() string { return "HTTP status " + string(f) }

// Class implements observe.Classified.
func (f failed) Class() (name string, fault bool) { return string(f), true }

// caller returns the caller that the Authorization headers of a request identify.
func (s *Server) caller(authorization []string) *access.Caller {
	token, found := bearer(authorization)
	switch {
	case !found:
		return access.Anonymous(auth.ReasonNoToken)
	case token == "":
		return access.Anonymous(auth.ReasonTokenInvalid)
	}
	return s.identify(token)
}

// describe sets the client's address, the user agent and the id of the request.
func (x *exchange) describe(r *http.Request) {
	peer := parseAddr(r.RemoteAddr)
	x.Info.Client = x.server.proxies.client(peer, r.Header["X-Forwarded-For"])
	x.Info.UserAgent = printable(r.UserAgent(), maxUserAgent)
	x.Info.AcceptLanguage = printable(r.Header.Get("Accept-Language"), maxAcceptLanguage)
	x.trusted = x.server.proxies.contain(peer)
	if ids := r.Header["X-Request-Id"]; len(ids) == 1 && isRequestID(ids[0]) && x.trusted {
		x.Info.ID = ids[0]
		return
	}
	if _, err := io.ReadFull(x.server.rand, x.random[:]); err != nil {
		panic(fmt.Errorf("request id: %w", err))
	}
	x.Info.ID = hex.EncodeToString(x.random[:])
}

// The values of headers that every response has. Handlers may replace them.
var (
	nosniff    = []string{"nosniff"}
	noReferrer = []string{"no-referrer"}
	noStore    = []string{"no-store"}
)

func (x *exchange) setHeaders() {
	x.id[0] = x.Info.ID
	h := x.Header()
	h["X-Request-Id"] = x.id[:]
	h["X-Content-Type-Options"] = nosniff
	h["Referrer-Policy"] = noReferrer
	h["Cache-Control"] = noStore
}

// finish completes the exchange and logs it. If the handler panicked before the response started, finish
// sends an error.
func (x *exchange) finish(r *http.Request, cause any) {
	err, _ := cause.(error)
	abort := errors.Is(err, http.ErrAbortHandler)
	switch {
	case abort:
	case cause != nil:
		x.Outcome.Code = codeInternal
		x.server.log.LogAttrs(r.Context(), slog.LevelError, "panic",
			slog.String("id", x.Info.ID),
			slog.String("cause", printable(fmt.Sprint(cause), 1024)),
			slog.String("stack", string(debug.Stack())))
		// An incomplete response must not look complete.
		abort = x.status != 0
		if !abort {
			x.writePanic()
		}
	default:
		x.begin(http.StatusOK) // what net/http sends for a handler that wrote nothing
	}
	x.ended(r, cause != nil)
	end := x.server.now()
	x.measure(r, end)
	x.log(r, end)
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// codeInternal is the schema's ErrorCode for a failure of the server.
const codeInternal = "INTERNAL_SERVER_ERROR"

// writePanic sends a GraphQL error. The request id needs no escaping. It removes the headers that the handler
// has set, except those that let a page of an allowed origin read the response.
func (x *exchange) writePanic() {
	maps.DeleteFunc(x.Header(), func(name string, _ []string) bool {
		return name != "Vary" && !strings.HasPrefix(name, "Access-Control-")
	})
	x.setHeaders()
	writeJSON(x, http.StatusInternalServerError,
		`{"errors":[{"message":"The server failed to process the request.","extensions":{"code":"`+codeInternal+
			`","requestId":"`+x.Info.ID+`"}}]}`)
}

// measure counts the request.
func (x *exchange) measure(r *http.Request, end time.Time) {
	x.server.observer.Metrics().Serve(observe.Served{
		Route: r.Pattern, Status: x.status,
		GraphQL: r.Pattern == GraphQLPath, Operation: x.Outcome.Operation, Code: x.Outcome.Code,
		Disconnected: x.disconnected, Took: end.Sub(x.start),
	})
}

// log logs the request. It logs the pattern of the route and never the query, in which clients put secrets.
func (x *exchange) log(r *http.Request, end time.Time) {
	level := slog.LevelInfo
	switch {
	case r.Pattern == HealthPath || r.Pattern == ReadyPath:
		level = slog.LevelDebug
	case x.disconnected && x.status == http.StatusServiceUnavailable && x.Outcome.Code != codeInternal:
		// The request was cancelled because its client disconnected. That is not a failure of the server.
	case x.status >= 500 || x.Outcome.Code == codeInternal:
		level = slog.LevelError
	}
	log := x.server.log.Handler()
	if !log.Enabled(r.Context(), level) {
		return
	}
	client := ""
	if x.Info.Client.IsValid() {
		client = x.Info.Client.String()
	}
	line := slog.NewRecord(end, level, "request", 0) // slog.Logger would look up the source position each time
	line.AddAttrs(
		slog.String("id", x.Info.ID),
		slog.String("method", printable(r.Method, 16)),
		slog.String("path", x.path(r)),
		slog.Int("status", x.status),
		slog.Float64("duration_ms", float64(end.Sub(x.start).Microseconds())/1000),
		slog.Int64("bytes", x.bytes),
		slog.String("operation", printable(x.Outcome.Operation, 64)),
		slog.String("code", printable(x.Outcome.Code, 64)),
		slog.String("client", client))
	if x.Outcome.Forbidden { // ids only, so that the log contains no personal data
		if claims := access.CallerFrom(r.Context()).Claims(); claims != nil {
			line.AddAttrs(slog.String("user", claims.Subject), slog.String("session", claims.SessionID))
		}
	}
	_ = log.Handle(r.Context(), line) // slog.Logger ignores the error too
}

// maxPath is the maximum length of a logged path in bytes.
const maxPath = 100

// path returns the path for the log: the pattern of the route, or the path itself if the answer is 404, so that a
// wrong URL in a client can be found. An escaped "?" also ends it, because what follows is most likely a query.
func (x *exchange) path(r *http.Request) string {
	if x.status != http.StatusNotFound {
		return strings.TrimSuffix(r.Pattern, "{$}")
	}
	path, _, _ := strings.Cut(r.URL.Path, "?")
	return printable(path, maxPath)
}

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	// A status below 200 precedes the response, except 101 Switching Protocols.
	if status >= 200 || status == http.StatusSwitchingProtocols {
		x.begin(status)
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(p []byte) (int, error) {
	x.begin(http.StatusOK)
	n, err := x.ResponseWriter.Write(p)
	x.bytes += int64(n)
	return n, err
}

// FlushError implements Flush for http.ResponseController.
func (x *exchange) FlushError() error {
	x.begin(http.StatusOK)
	return http.NewResponseController(x.ResponseWriter).Flush()
}

// Unwrap gives http.ResponseController access to the connection's ResponseWriter.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// closing tells the client not to send another request on this connection (RFC 9112 §9.6).
var closing = []string{"close"}

// begin starts the response unless it has started. It closes the connection if mustClose is set or the server
// is draining. If net/http closed the connection later, while it is idle, a request could be lost.
func (x *exchange) begin(status int) {
	if x.status != 0 {
		return
	}
	x.status = status
	x.limitHeaders()
	if (x.mustClose || x.server.draining.Load()) && status != http.StatusSwitchingProtocols {
		x.Header()["Connection"] = closing
	}
}
