package httpd

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/cors"
)

// commonHeaders are the request headers that pages of other origins may always send, besides the safelisted
// ones of the Fetch Standard. Usher ignores most of them. Clients and monitoring tools add them, and a browser
// blocks the whole request if one of its headers is not allowed.
var commonHeaders = []string{
	"accept", "authorization", "content-type", "x-request-id", "x-correlation-id", "x-requested-with",
	// Apollo Client, Apollo Kotlin and Hot Chocolate: the name of the client, and protection against CSRF.
	"apollographql-client-name", "apollographql-client-version",
	"apollographql-library-name", "apollographql-library-version",
	"x-apollo-operation-id", "x-apollo-operation-name", "x-apollo-operation-type",
	"apollo-require-preflight", "graphql-require-preflight", "x-graphql-yoga-csrf",
	// GraphQL Hive.
	"graphql-client-name", "graphql-client-version", "x-graphql-client-name", "x-graphql-client-version",
	// OpenTelemetry: W3C Trace Context and Baggage, B3, Jaeger, X-Ray.
	"traceparent", "tracestate", "baggage",
	"b3", "x-b3-traceid", "x-b3-spanid", "x-b3-parentspanid", "x-b3-sampled", "x-b3-flags",
	"uber-trace-id", "x-amzn-trace-id",
	// Sentry, Datadog, New Relic, Elastic APM, Application Insights.
	"sentry-trace",
	"x-datadog-trace-id", "x-datadog-parent-id", "x-datadog-origin", "x-datadog-sampling-priority", "x-datadog-tags",
	"newrelic", "elastic-apm-traceparent", "request-id", "request-context",
}

// corsMethods are the methods of CORS requests. With GET a page can read why its request failed.
var corsMethods = []string{http.MethodGet, http.MethodPost}

// CORS lets pages of allowed origins call next and read its responses (Fetch Standard, "CORS protocol"). Pages
// of other origins cannot read the responses to their requests. It answers every OPTIONS request of a page.
func (s *Server) CORS(next http.Handler) http.Handler {
	return cors.New(cors.Options{
		AllowOriginFunc:    s.origins.allow,
		AllowCredentials:   true,
		AllowedMethods:     corsMethods,
		AllowedHeaders:     s.allowedHeaders,
		ExposedHeaders:     []string{"X-Request-Id", headerRetryAfter, headerRateLimit, headerRateLimitPolicy},
		MaxAge:             int((10 * time.Minute).Seconds()),
		OptionsPassthrough: true,
	}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		switch {
		case origin != "" && r.Method == http.MethodOptions:
			s.preflight(w, r, origin)
			return
		case origin != "" && !s.origins.accept(r):
			s.refusals.origin(r.Context(), origin)
		}
		next.ServeHTTP(w, r)
	}))
}

// OwnPages refuses requests of pages of other origins, even those that a browser sends without asking first. Such a page
// could not read the responses. But it could use up the rate limits of the network of everybody that visits it.
func (s *Server) OwnPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.origins.accept(r) {
			s.refusals.origin(r.Context(), r.Header.Get("Origin"))
			writeStatus(w, http.StatusForbidden, notAllowedOrigin)
			return
		}
		next.ServeHTTP(w, r)
	})
}

const notAllowedOrigin = "origin not allowed, see --allowed-origins"

// preflight answers an OPTIONS request of a page. rs/cors has set the headers if it allows the request.
func (s *Server) preflight(w http.ResponseWriter, r *http.Request, origin string) {
	if !s.origins.allow(origin) {
		// The Fetch Standard ("HTTP responses") recommends 403 without any CORS header.
		s.refusals.origin(r.Context(), origin)
		writeStatus(w, http.StatusForbidden, notAllowedOrigin)
		return
	}
	if h := w.Header(); h["Access-Control-Allow-Origin"] == nil {
		// A header or the method is not allowed. The response lists those that are, so that the browser names
		// the one that is missing. Otherwise it would blame the origin.
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Allow-Methods", strings.Join(corsMethods, ", "))
		h.Set("Access-Control-Allow-Headers", strings.Join(s.allowedHeaders, ", "))
		s.refusals.headers(r.Context(), origin, s.notAllowed(r.Header["Access-Control-Request-Headers"]))
	}
	w.WriteHeader(http.StatusNoContent)
}

// notAllowed returns the header names in lists that pages of other origins may not send.
func (s *Server) notAllowed(lists []string) []string {
	var names []string
	for name := range strings.SplitSeq(strings.Join(lists, ","), ",") {
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "" && !slices.Contains(s.allowedHeaders, name) {
			names = append(names, name)
		}
	}
	return names
}

// withCommonHeaders returns commonHeaders and more, in lower case.
func withCommonHeaders(more []string) []string {
	headers := slices.Clone(commonHeaders)
	for _, name := range more {
		headers = append(headers, strings.ToLower(name))
	}
	slices.Sort(headers)
	return slices.Compact(headers)
}

const (
	refusalInterval = time.Minute
	maxRefusals     = 64
	maxRefusal      = 300 // bytes; an origin is shorter, because a host name has at most 253
)

// refusals logs what pages of other origins are refused. It logs each refusal once in refusalInterval, and at
// most maxRefusals of them, because any page can cause one.
type refusals struct {
	out    *slog.Logger
	now    func() time.Time
	mu     sync.Mutex
	logged map[string]time.Time
}

// origin logs that the pages of an origin are refused.
func (x *refusals) origin(ctx context.Context, origin string) {
	hint := "if it is your page, add the origin to --allowed-origins or USHER_ALLOWED_ORIGINS"
	if !strings.HasPrefix(origin, "https://") && !strings.HasPrefix(origin, "http://") {
		hint = "only origins with http or https can be allowed"
	}
	if origin = printable(origin, maxRefusal); x.due(origin) {
		x.out.LogAttrs(ctx, slog.LevelWarn, "refused a page of another origin",
			slog.String("origin", origin), slog.String("hint", hint))
	}
}

// headers logs that a page of an allowed origin must not send the headers called names.
func (x *refusals) headers(ctx context.Context, origin string, names []string) {
	if len(names) == 0 {
		return
	}
	origin, list := printable(origin, maxRefusal), printable(strings.Join(names, ","), maxRefusal)
	if x.due(origin + " " + list) {
		x.out.LogAttrs(ctx, slog.LevelWarn, "refused headers of a page of an allowed origin",
			slog.String("origin", origin), slog.String("headers", list),
			slog.String("hint", "if the page needs them, add them to --allowed-headers or USHER_ALLOWED_HEADERS"))
	}
}

// due reports whether a refusal is to be logged now.
func (x *refusals) due(refusal string) bool {
	now := x.now()
	expired := func(_ string, logged time.Time) bool { return now.Sub(logged) >= refusalInterval }
	x.mu.Lock()
	defer x.mu.Unlock()
	if logged, ok := x.logged[refusal]; ok && !expired(refusal, logged) {
		return false
	}
	if len(x.logged) >= maxRefusals {
		maps.DeleteFunc(x.logged, expired)
	}
	if len(x.logged) >= maxRefusals {
		return false
	}
	x.logged[refusal] = now
	return true
}
