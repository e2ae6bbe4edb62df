package httpd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/observe"
	"usher/internal/request"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func ready(context.Context) error { return nil }

// testOptions returns Options for reproducible responses. GraphQL calls handler.
func testOptions(t *testing.T, handler http.HandlerFunc) Options {
	t.Helper()
	return Options{
		Routes:         routes(handler, map[string]http.Handler{"/{$}": Get(http.HandlerFunc(page))}),
		Identify:       func(string) *access.Caller { return access.Anonymous(auth.ReasonTokenExpired) },
		Ready:          ready,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")},
		Observer:       logTo(slog.DiscardHandler),
		Now:            func() time.Time { return time.Unix(1_800_000_000, 0) },
		Rand:           zeros{},
	}
}

// routes returns the routes of a server: GraphQL, the health routes and more.
func routes(graphQL http.HandlerFunc, more map[string]http.Handler) func(*Server) map[string]http.Handler {
	return func(s *Server) map[string]http.Handler {
		all := map[string]http.Handler{"/graphql": s.CORS(graphQL), HealthPath: s.Healthz(), ReadyPath: s.Readyz()}
		maps.Copy(all, more)
		return all
	}
}

func page(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "max-age=60")
	_, _ = io.WriteString(w, "page")
}

func logTo(h slog.Handler) *observe.Observer { return observe.New(observe.Options{Log: slog.New(h)}) }

// zeros is a reader of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

const zeroID = "00000000000000000000000000000000"

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }

func TestRoutes(t *testing.T) {
	failing := errors.New("connect to postgres://canary@db")
	tests := []struct {
		name, method, target string
		options              func(*Options)
		status               int
		body                 string
		header               map[string]string
	}{
		{"GraphQL", "POST", "/graphql", nil, 200, "ok", nil},
		{"GraphQL decides on methods", "DELETE", "/graphql?q", nil, 200, "ok", nil},
		{"below GraphQL", "POST", "/graphql/x", nil, 404, `{"status":"not found"}` + "\n", nil},
		{"page", "GET", "/", nil, 200, "page", map[string]string{"Cache-Control": "max-age=60"}},
		{"page by POST", "POST", "/", nil, 405, `{"status":"method not allowed"}` + "\n", map[string]string{"Allow": "GET, HEAD"}},
		{"no page", "GET", "/", func(o *Options) { o.Routes = routes(ok, map[string]http.Handler{"/{$}": nil}) }, 404, `{"status":"not found"}` + "\n", nil},
		{"alive", "GET", "/healthz", nil, 200, `{"status":"alive"}` + "\n", nil},
		{"alive by POST", "POST", "/healthz", nil, 405, `{"status":"method not allowed"}` + "\n", map[string]string{"Allow": "GET, HEAD"}},
		{"ready", "GET", "/readyz", nil, 200, `{"status":"ready"}` + "\n", nil},
		{
			"not ready", "GET", "/readyz", func(o *Options) { o.Ready = func(context.Context) error { return failing } },
			503, `{"status":"unavailable"}` + "\n", nil,
		},
		{"unknown", "GET", "/canary", nil, 404, `{"status":"not found"}` + "\n", map[string]string{"Content-Type": "application/json; charset=utf-8"}},
		{"unclean", "GET", "//canary/../graphql", nil, 404, `{"status":"not found"}` + "\n", map[string]string{"Location": ""}},
		{"dots in disguise", "GET", "/%2e%2e/graphql", nil, 404, `{"status":"not found"}` + "\n", nil},
		{"server", "OPTIONS", "*", nil, 404, `{"status":"not found"}` + "\n", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := testOptions(t, ok)
			if tt.options != nil {
				tt.options(&o)
			}
			w := httptest.NewRecorder()
			New(o).ServeHTTP(w, httptest.NewRequest(tt.method, tt.target, nil))
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("got %d %q, want %d %q", w.Code, w.Body, tt.status, tt.body)
			}
			want := map[string]string{
				"X-Request-Id": zeroID, "X-Content-Type-Options": "nosniff",
				"Referrer-Policy": "no-referrer", "Cache-Control": "no-store",
			}
			maps.Copy(want, tt.header)
			for name, value := range want {
				if got := w.Header().Get(name); got != value {
					t.Errorf("%s: got %q, want %q", name, got, value)
				}
			}
		})
	}
}

func TestRequiredOptions(t *testing.T) {
	for name, omit := range map[string]func(*Options){
		"Routes":   func(o *Options) { o.Routes = nil },
		"Identify": func(o *Options) { o.Identify = nil },
		"Ready":    func(o *Options) { o.Ready = nil },
	} {
		t.Run(name, func(t *testing.T) {
			o := testOptions(t, ok)
			omit(&o)
			defer func() {
				if recover() == nil {
					t.Error("New accepted the options")
				}
			}()
			New(o)
		})
	}
}

func TestInfo(t *testing.T) {
	const direct, proxied = "192.0.2.1:1234", "10.0.0.1:1234"
	tests := []struct {
		name, remote string
		header       http.Header
		want         request.Info
	}{
		{
			"direct", direct,
			http.Header{"X-Forwarded-For": {"198.51.100.7"}, "X-Request-Id": {"abc"}, "User-Agent": {"a\tb\u202e"}},
			request.Info{ID: zeroID, Client: netip.MustParseAddr("192.0.2.1"), UserAgent: "ab"},
		},
		{
			"proxied", proxied,
			http.Header{"X-Forwarded-For": {"198.51.100.7"}, "X-Request-Id": {"A-z_0.9"}},
			request.Info{ID: "A-z_0.9", Client: netip.MustParseAddr("198.51.100.7")},
		},
		{
			"bad id", proxied,
			http.Header{"X-Request-Id": {`"},{`}},
			request.Info{ID: zeroID, Client: netip.MustParseAddr("10.0.0.1")},
		},
		{
			"empty id", proxied,
			http.Header{"X-Request-Id": {""}},
			request.Info{ID: zeroID, Client: netip.MustParseAddr("10.0.0.1")},
		},
		{
			"long id", proxied,
			http.Header{"X-Request-Id": {strings.Repeat("a", 65)}},
			request.Info{ID: zeroID, Client: netip.MustParseAddr("10.0.0.1")},
		},
		{
			"two ids", proxied,
			http.Header{"X-Request-Id": {"a", "b"}},
			request.Info{ID: zeroID, Client: netip.MustParseAddr("10.0.0.1")},
		},
		{"unix socket", "@", nil, request.Info{ID: zeroID}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got request.Info
			s := New(testOptions(t, func(_ http.ResponseWriter, r *http.Request) { got = request.From(r.Context()) }))
			r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
			r.RemoteAddr = tt.remote
			r.Header = tt.header
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Errorf("info (-want +got):\n%s", diff)
			}
			if id := w.Header().Get("X-Request-ID"); id != tt.want.ID {
				t.Errorf("response has id %q, want %q", id, tt.want.ID)
			}
		})
	}
}

func TestCaller(t *testing.T) {
	tests := []struct {
		name          string
		authorization []string
		want          auth.Reason // TOKEN_EXPIRED comes from Identify
	}{
		{"none", nil, auth.ReasonNoToken},
		{"other scheme", []string{"Basic YTpi"}, auth.ReasonNoToken},
		{"token", []string{"Bearer abc"}, auth.ReasonTokenExpired},
		{"malformed", []string{"Bearer"}, auth.ReasonTokenInvalid},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var err error
			s := New(testOptions(t, func(_ http.ResponseWriter, r *http.Request) {
				_, err = new(access.Service).Viewer(r.Context())
			}))
			r := httptest.NewRequest(http.MethodPost, "/graphql?access_token=abc", nil)
			r.Header["Authorization"] = tt.authorization
			s.ServeHTTP(httptest.NewRecorder(), r)
			var refused *auth.Error
			if !errors.As(err, &refused) || refused.Reason != tt.want {
				t.Errorf("got %v, want reason %s", err, tt.want)
			}
		})
	}
}

func TestRequestHasDeadline(t *testing.T) {
	has := false
	s := New(testOptions(t, func(_ http.ResponseWriter, r *http.Request) { _, has = r.Context().Deadline() }))
	s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/graphql", nil))
	if !has {
		t.Error("the context has no deadline")
	}
}
