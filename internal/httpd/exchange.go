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
	"strings"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/cookie"
	"usher/internal/request"
)

// exchange is one request and its answer. It stands between the handlers and the connection to
// see what is sent.
type exchange struct {
	http.ResponseWriter
	server *Server
	start  time.Time
	request.Exchange
	jar    cookie.Jar
	last   bool  // the connection ends with the answer
	hungUp bool  // the client closed the connection before the answer was complete
	status int   // 0 until the answer starts
	bytes  int64 // of the answer's body

	random [16]byte  // the request id, in binary and
	id     [1]string // as the value of its header; here, so that they need no memory of their own
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.observer.BeginRequest()
	defer s.observer.EndRequest()
	if w, ok := wireOf(r); ok {
		w.expectBody(r.ContentLength)
	}
	x := &exchange{ResponseWriter: w, server: s, start: s.now(), last: isLast(r)}
	connected := r.Context() // ends when the client hangs up; that of the handler has other ends
	defer func() {
		cause := recover()
		x.hungUp = connected.Err() != nil
		x.finish(r, cause)
	}()
	x.describe(r)
	x.readCookie(r)
	x.setHeaders()

	ctx, cancel := context.WithTimeout(cookie.With(request.With(r.Context(), &x.Exchange), &x.jar), s.timeouts.Request)
	defer cancel()
	ctx, end := s.observer.Step(ctx, "request")
	defer end()
	ctx = access.WithCaller(ctx, s.caller(r.Header["Authorization"]))
	r = r.WithContext(ctx)
	s.route(x, r)
}

// caller says who sends a request with these Authorization headers.
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

// describe fills in who sent r.
func (x *exchange) describe(r *http.Request) {
	peer := parseAddr(r.RemoteAddr)
	x.Info.Client = x.server.proxies.client(peer, r.Header["X-Forwarded-For"])
	x.Info.UserAgent = printable(r.UserAgent(), maxUserAgent)
	if ids := r.Header["X-Request-Id"]; len(ids) == 1 && isRequestID(ids[0]) && x.server.proxies.contain(peer) {
		x.Info.ID = ids[0]
		return
	}
	if _, err := io.ReadFull(x.server.rand, x.random[:]); err != nil {
		panic(fmt.Errorf("request id: %w", err))
	}
	x.Info.ID = hex.EncodeToString(x.random[:])
}

// The values of the headers that every answer has. Handlers may replace them.
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

// finish ends the exchange: with an answer if the handler panicked before it gave one, and with a
// line in the log.
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
		// Half an answer must not look like a whole one.
		abort = x.status != 0
		if !abort {
			x.answerPanic()
		}
	default:
		x.begin(http.StatusOK) // what net/http sends for a handler that wrote nothing
	}
	x.log(r)
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// codeInternal is the ErrorCode of the schema for a failure that is not the client's.
const codeInternal = "INTERNAL_SERVER_ERROR"

// answerPanic sends a GraphQL error. The request id needs no escape. Of the headers that were set only
// those stay without which a page of an allowed origin could not read the answer.
func (x *exchange) answerPanic() {
	maps.DeleteFunc(x.Header(), func(name string, _ []string) bool {
		return name != "Vary" && !strings.HasPrefix(name, "Access-Control-")
	})
	x.setHeaders()
	writeJSON(x, http.StatusInternalServerError,
		`{"errors":[{"message":"The server failed to process the request.","extensions":{"code":"`+codeInternal+
			`","requestId":"`+x.Info.ID+`"}}]}`)
}

// log writes the line of the request. It shows the pattern of the route, never the URL, in whose
// query clients put secrets.
func (x *exchange) log(r *http.Request) {
	level := slog.LevelInfo
	switch {
	case r.Pattern == HealthPath || r.Pattern == ReadyPath:
		level = slog.LevelDebug
	case x.hungUp && x.status == http.StatusServiceUnavailable && x.Outcome.Code != codeInternal:
		// The request was given up with its client. That is no failure of the server.
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
	end := x.server.now()
	line := slog.NewRecord(end, level, "request", 0) // Logger would find out where this is each time.
	line.AddAttrs(
		slog.String("id", x.Info.ID),
		slog.String("method", printable(r.Method, 16)),
		slog.String("path", strings.TrimSuffix(r.Pattern, "{$}")),
		slog.Int("status", x.status),
		slog.Float64("duration_ms", float64(end.Sub(x.start).Microseconds())/1000),
		slog.Int64("bytes", x.bytes),
		slog.String("operation", printable(x.Outcome.Operation, 64)),
		slog.String("code", printable(x.Outcome.Code, 64)),
		slog.String("client", client))
	if x.Outcome.Forbidden { // by ids, so that the log holds no personal data
		if claims := access.CallerFrom(r.Context()).Claims(); claims != nil {
			line.AddAttrs(slog.String("user", claims.Subject), slog.String("session", claims.SessionID))
		}
	}
	_ = log.Handle(r.Context(), line) // as Logger does
}

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	// What is below 200 announces the answer, but for the switch of protocols.
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

// FlushError sends what was written, for http.ResponseController.
func (x *exchange) FlushError() error {
	x.begin(http.StatusOK)
	return http.NewResponseController(x.ResponseWriter).Flush()
}

// Unwrap gives http.ResponseController what the connection can do.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// closing tells the client to send no further request on this connection (RFC 9112 §9.6).
var closing = []string{"close"}

// begin starts the answer, unless it has started. The connection ends with it when the next request on
// it could not be trusted, or when the server is about to stop: one that net/http closes while it is idle
// may have a request on its way.
func (x *exchange) begin(status int) {
	if x.status != 0 {
		return
	}
	x.status = status
	if (x.last || x.server.draining.Load()) && status != http.StatusSwitchingProtocols {
		x.Header()["Connection"] = closing
	}
}
