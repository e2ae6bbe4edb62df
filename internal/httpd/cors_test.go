package httpd

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestCORS checks which pages may read responses.
func TestCORS(t *testing.T) {
	t.Parallel()
	app := []string{"https://app.example.com"}
	tests := map[string]struct {
		allowed []string
		dev     bool
		method  string
		origin  string
		shared  bool
	}{
		"allowed":                  {app, false, http.MethodPost, "https://app.example.com", true},
		"allowed, GET":             {app, false, http.MethodGet, "https://app.example.com", true},
		"one of two":               {[]string{"https://a.example", "http://localhost:5173"}, false, http.MethodPost, "http://localhost:5173", true},
		"preflight":                {app, false, http.MethodOptions, "https://app.example.com", true},
		"foreign":                  {app, false, http.MethodPost, "https://evil.example", false},
		"foreign preflight":        {app, false, http.MethodOptions, "https://evil.example", false},
		"longer":                   {app, false, http.MethodPost, "https://app.example.com.evil.example", false},
		"upper case":               {app, false, http.MethodPost, "https://APP.example.com", false},
		"null":                     {app, false, http.MethodPost, "null", false},
		"nobody allowed":           {nil, false, http.MethodPost, "https://app.example.com", false},
		"nobody allowed, asked":    {nil, false, http.MethodOptions, "https://app.example.com", false},
		"no browser":               {app, false, http.MethodPost, "", false},
		"wildcard":                 {nil, false, http.MethodPost, "*", false},
		"localhost":                {app, false, http.MethodPost, "http://localhost:5173", false},
		"localhost, asked":         {nil, false, http.MethodOptions, "http://localhost:5173", false},
		"dev":                      {nil, true, http.MethodPost, "http://localhost:5173", true},
		"dev, preflight":           {nil, true, http.MethodOptions, "http://[::1]:5173", true},
		"dev, address":             {nil, true, http.MethodPost, "http://127.0.0.1:3000", true},
		"dev, foreign":             {nil, true, http.MethodPost, "https://evil.example", false},
		"dev, rebinding":           {nil, true, http.MethodPost, "http://localhost.evil.example:5173", false},
		"dev, rebinding preflight": {nil, true, http.MethodOptions, "http://localhost.evil.example:5173", false},
		"dev, null":                {nil, true, http.MethodPost, "null", false},
		"dev, allowed":             {app, true, http.MethodPost, "https://app.example.com", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := testOptions(t, ok)
			o.AllowedOrigins, o.LoopbackOrigins = tt.allowed, tt.dev
			w := sendCORS(New(o), tt.method, tt.origin, "POST", "authorization,content-type")
			origin, credentials := w.Header().Get("Access-Control-Allow-Origin"), w.Header().Get("Access-Control-Allow-Credentials")
			want := [2]string{}
			if tt.shared {
				want = [2]string{tt.origin, "true"}
			}
			if got := [2]string{origin, credentials}; got != want {
				t.Errorf("allowed origin %q, credentials %q, want %q", origin, credentials, want)
			}
			if vary := strings.Join(w.Header()["Vary"], ","); !strings.Contains(vary, "Origin") {
				t.Errorf("Vary is %q, want it to contain Origin", vary)
			}
			if tt.method != http.MethodOptions && w.Body.String() != "ok" {
				t.Errorf("body %q", w.Body)
			}
		})
	}
}

// sendCORS sends the request of a page. A preflight asks for a method and headers; an empty method is not asked for.
func sendCORS(s *Server, method, origin, asked, headers string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "https://auth.example.com/graphql", nil)
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	if method == http.MethodOptions && asked != "" {
		r.Header.Set("Access-Control-Request-Method", asked)
		if headers != "" {
			r.Header.Set("Access-Control-Request-Headers", headers)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// TestPreflight checks the answer to each preflight, and that none reaches the handler.
func TestPreflight(t *testing.T) {
	t.Parallel()
	const app, other = "https://app.example.com", "https://evil.example"
	tests := map[string]struct {
		origin, method, headers string
		status                  int
		allows                  bool // what a browser concludes by the rules of the Fetch Standard
		shared                  bool
		body                    string
	}{
		"allowed":              {app, "POST", "authorization,content-type", 204, true, true, ""},
		"no header":            {app, "POST", "", 204, true, true, ""},
		"GET":                  {app, "GET", "authorization", 204, true, true, ""},
		"of the setting":       {app, "POST", "content-type,x-tenant", 204, true, true, ""},
		"of no setting":        {app, "POST", "content-type,x-tenants", 204, false, true, ""},
		"another method":       {app, "DELETE", "", 204, false, true, ""},
		"without a method":     {app, "", "", 204, false, true, ""},
		"foreign":              {other, "POST", "content-type", 403, false, false, `{"status":"origin not allowed, see --allowed-origins"}` + "\n"},
		"foreign, no method":   {other, "", "", 403, false, false, `{"status":"origin not allowed, see --allowed-origins"}` + "\n"},
		"null":                 {"null", "POST", "content-type", 403, false, false, `{"status":"origin not allowed, see --allowed-origins"}` + "\n"},
		"Apollo Client":        {app, "POST", "apollographql-client-name,apollographql-client-version,authorization,content-type", 204, true, true, ""},
		"Apollo Kotlin":        {app, "POST", "content-type,x-apollo-operation-id,x-apollo-operation-name", 204, true, true, ""},
		"CSRF headers":         {app, "POST", "apollo-require-preflight,graphql-require-preflight,x-requested-with", 204, true, true, ""},
		"OpenTelemetry":        {app, "POST", "baggage,content-type,traceparent,tracestate", 204, true, true, ""},
		"OpenTelemetry, B3":    {app, "POST", "b3,content-type,x-b3-parentspanid,x-b3-sampled,x-b3-spanid,x-b3-traceid", 204, true, true, ""},
		"Sentry":               {app, "POST", "baggage,content-type,sentry-trace", 204, true, true, ""},
		"Datadog":              {app, "POST", "content-type,traceparent,tracestate,x-datadog-origin,x-datadog-parent-id,x-datadog-sampling-priority,x-datadog-trace-id", 204, true, true, ""},
		"New Relic":            {app, "POST", "content-type,newrelic,traceparent,tracestate", 204, true, true, ""},
		"Application Insights": {app, "POST", "content-type,request-context,request-id,traceparent", 204, true, true, ""},
		"request id":           {app, "POST", "content-type,x-correlation-id,x-request-id", 204, true, true, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := testOptions(t, func(http.ResponseWriter, *http.Request) { t.Error("the handler was called") })
			o.AllowedOrigins, o.AllowedHeaders = []string{app}, []string{"X-Tenant"}
			w := sendCORS(New(o), http.MethodOptions, tt.origin, tt.method, tt.headers)
			if w.Code != tt.status || w.Body.String() != tt.body {
				t.Errorf("%d %q, want %d %q", w.Code, w.Body, tt.status, tt.body)
			}
			if shared := w.Header().Get("Access-Control-Allow-Origin") == tt.origin; shared != tt.shared {
				t.Errorf("shared %v, want %v", shared, tt.shared)
			}
			if tt.method != "" {
				if allows := browserAllows(w, tt.origin, tt.method, tt.headers); allows != tt.allows {
					t.Errorf("a browser allows the request: %v, want %v; %v", allows, tt.allows, w.Header())
				}
			}
			if strings.Contains(strings.Join(w.Header().Values("Access-Control-Allow-Headers"), ","), "*") {
				t.Error("a wildcard among the headers")
			}
		})
	}
}

// browserAllows decides as a browser does after a preflight for a request with credentials (Fetch Standard,
// "CORS-preflight fetch").
func browserAllows(w *httptest.ResponseRecorder, origin, method, headers string) bool {
	h := w.Header()
	if h.Get("Access-Control-Allow-Origin") != origin || h.Get("Access-Control-Allow-Credentials") != "true" || w.Code < 200 || w.Code > 299 {
		return false
	}
	safelisted := []string{http.MethodGet, http.MethodHead, http.MethodPost}
	if !slices.Contains(safelisted, method) && !slices.Contains(splitList(h["Access-Control-Allow-Methods"]), method) {
		return false
	}
	allowed := splitList(h["Access-Control-Allow-Headers"])
	for _, name := range splitList([]string{headers}) {
		if !slices.Contains(allowed, name) {
			return false
		}
	}
	return true
}

func splitList(values []string) []string {
	return strings.FieldsFunc(strings.Join(values, ","), func(r rune) bool { return r == ',' || r == ' ' })
}

// TestRefusedHeaderNamed checks that a page with a header that is not allowed learns which ones are. A response
// without CORS headers would make the browser blame the origin.
func TestRefusedHeaderNamed(t *testing.T) {
	t.Parallel()
	o := testOptions(t, ok)
	o.AllowedOrigins, o.AllowedHeaders = []string{"https://app.example.com"}, []string{"x-tenant"}
	h := sendCORS(New(o), http.MethodOptions, "https://app.example.com", "PUT", "x-tenant,x-unknown").Header()
	if got := h.Get("Access-Control-Allow-Methods"); got != "GET, POST" {
		t.Errorf("methods %q", got)
	}
	names := splitList(h["Access-Control-Allow-Headers"])
	if !slices.Contains(names, "x-tenant") || !slices.Contains(names, "traceparent") || slices.Contains(names, "x-unknown") {
		t.Errorf("headers %q", names)
	}
	if got := h.Get("Access-Control-Max-Age"); got != "" { // so that a new setting takes effect soon
		t.Errorf("the browser keeps the refusal for %s s", got)
	}
}

// TestRefusalsLogged checks what the log says of pages that are refused, and how often.
func TestRefusalsLogged(t *testing.T) {
	t.Parallel()
	origin := func(origin string) string {
		return `level=WARN msg="refused a page of another origin" origin=` + origin +
			` hint="if it is your page, add the origin to --allowed-origins or USHER_ALLOWED_ORIGINS"`
	}
	scheme := func(origin string) string {
		return `level=WARN msg="refused a page of another origin" origin=` + origin +
			` hint="only origins with http or https can be allowed"`
	}
	headers := func(origin, names string) string {
		return `level=WARN msg="refused headers of a page of an allowed origin" origin=` + origin + ` headers=` + names +
			` hint="if the page needs them, add them to --allowed-headers or USHER_ALLOWED_HEADERS"`
	}
	const app = "https://app.example.com"
	type send struct{ method, origin, headers string }
	tests := map[string]struct {
		sends []send
		want  []string
	}{
		"preflight":           {[]send{{"OPTIONS", "https://evil.example", "content-type"}}, []string{origin("https://evil.example")}},
		"request":             {[]send{{"POST", "https://evil.example", ""}}, []string{origin("https://evil.example")}},
		"GET, not asked for":  {[]send{{"GET", "https://evil.example", ""}}, []string{origin("https://evil.example")}},
		"both":                {[]send{{"OPTIONS", "https://evil.example", ""}, {"POST", "https://evil.example", ""}}, []string{origin("https://evil.example")}},
		"two":                 {[]send{{"POST", "https://a.example", ""}, {"POST", "http://b.example:81", ""}}, []string{origin("https://a.example"), origin("http://b.example:81")}},
		"localhost, no --dev": {[]send{{"OPTIONS", "http://localhost:5173", ""}}, []string{origin("http://localhost:5173")}},
		"a file":              {[]send{{"POST", "null", ""}}, []string{scheme("null")}},
		"an app":              {[]send{{"OPTIONS", "capacitor://localhost", ""}}, []string{scheme("capacitor://localhost")}},
		"unprintable":         {[]send{{"POST", "https://a\x1b[31m\u202e.example\xff", ""}}, []string{origin("https://a[31m.example")}},
		"long":                {[]send{{"POST", "https://" + strings.Repeat("a", 5000), ""}}, []string{origin("https://" + strings.Repeat("a", 292))}},
		"allowed":             {[]send{{"OPTIONS", app, "content-type"}, {"POST", app, ""}}, nil},
		"own page":            {[]send{{"POST", "https://auth.example.com", ""}}, nil},
		"no page":             {[]send{{"POST", "", ""}, {"OPTIONS", "", ""}}, nil},
		"headers":             {[]send{{"OPTIONS", app, "baggage,x-a,x-b"}, {"OPTIONS", app, "x-a,x-b"}}, []string{headers(app, "x-a,x-b")}},
		"headers, unsorted":   {[]send{{"OPTIONS", app, "traceparent, Content-Type"}}, nil},
		"headers of others":   {[]send{{"OPTIONS", "https://evil.example", "x-a"}}, []string{origin("https://evil.example")}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, logged := refusalServer(t)
			for _, send := range tt.sends {
				sendCORS(s, send.method, send.origin, "POST", send.headers)
			}
			if diff := cmp.Diff(tt.want, logged()); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

// refusalServer returns a server, a function that advances its clock, and one that returns its warnings.
func refusalServer(t *testing.T) (s *Server, advance func(time.Duration), logged func() []string) {
	t.Helper()
	var out bytes.Buffer
	now := time.Unix(1_800_000_000, 0)
	o := testOptions(t, ok)
	o.AllowedOrigins = []string{"https://app.example.com"}
	o.Now = func() time.Time { return now }
	o.Observer = logTo(slog.NewTextHandler(&out, &slog.HandlerOptions{
		Level: slog.LevelWarn,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	return New(o), func(d time.Duration) { now = now.Add(d) }, func() []string {
		text := strings.TrimSuffix(out.String(), "\n")
		out.Reset()
		if text == "" {
			return nil
		}
		return strings.Split(text, "\n")
	}
}

// TestRefusalsBounded checks that pages cannot fill the log: one line for an origin in a minute, and at most
// maxRefusals in all.
func TestRefusalsBounded(t *testing.T) {
	t.Parallel()
	s, advance, logged := refusalServer(t)
	lines := func(origin string, times int) int {
		for range times {
			sendCORS(s, http.MethodPost, origin, "", "")
		}
		return len(logged())
	}
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{0, 1}, {time.Second, 0}, {58 * time.Second, 0}, {time.Second, 1}, {59 * time.Second, 0}, {time.Hour, 1}} {
		advance(step.after)
		if got := lines("https://evil.example", 3); got != step.want {
			t.Errorf("%v later: %d lines, want %d", step.after, got, step.want)
		}
	}
	flood := func() (total int) {
		for n := range 1000 {
			total += lines(fmt.Sprintf("https://%d.example", n), 1)
		}
		return total
	}
	if got := flood(); got != maxRefusals-1 {
		t.Errorf("%d lines for 1000 origins, want %d", got, maxRefusals-1)
	}
	if got := len(s.refusals.logged); got != maxRefusals {
		t.Errorf("the server remembers %d refusals, want %d", got, maxRefusals)
	}
	advance(refusalInterval)
	if got := flood(); got != maxRefusals {
		t.Errorf("%d lines a minute later, want %d", got, maxRefusals)
	}
}
