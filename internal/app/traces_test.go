package app_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/config"
	"usher/internal/logging"
	"usher/internal/otlp/otlptest"
)

// traced is a server whose spans go to a collector.
type traced struct {
	*app.App

	collector *otlptest.Collector
	log       bytes.Buffer
}

func newTraced(t *testing.T, s app.Settings, tracing config.Tracing, level slog.Level) *traced {
	t.Helper()
	a := &traced{collector: otlptest.New(t)}
	tracing.OTELEndpoint = a.collector.Base()
	s.Tracing = tracing
	var err error
	a.App, err = app.New(t.Context(), s, logging.New(&a.log, logging.Options{Level: level, Format: "json"}), app.Overrides{
		CheapPasswords: true, Mail: authtest.NewMailbox(t).Post(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	return a
}

// ask sends a GraphQL request with headers.
func (a *traced) ask(t *testing.T, query string, variables map[string]any, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

func (a *traced) createUser(t *testing.T, name string) {
	t.Helper()
	_, err := a.Domain.Operator.CreateUser(t.Context(), accounts.Input{
		Username: new(name), Email: new(name + "@example.com"), Password: authtest.Password,
	}, []auth.Role{auth.RoleUser})
	if err != nil {
		t.Fatal(err)
	}
}

// stop ends the server and returns all its spans.
func (a *traced) stop(t *testing.T) []otlptest.Span {
	t.Helper()
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return a.collector.Spans()
}

// tree returns the names of the spans of a trace, each with those of its parents.
func tree(spans []otlptest.Span, traceID string) []string {
	byID := map[string]otlptest.Span{}
	for _, s := range spans {
		byID[s.ID()] = s
	}
	var paths []string
	for _, s := range spans {
		if s.TraceID() != traceID {
			continue
		}
		path := s.Name
		for parent := s.Parent(); parent != ""; parent = byID[parent].Parent() {
			path = byID[parent].Name + " / " + path
		}
		paths = append(paths, path)
	}
	return slices.Compact(slices.Sorted(slices.Values(paths)))
}

func find(t *testing.T, spans []otlptest.Span, name string) otlptest.Span {
	t.Helper()
	i := slices.IndexFunc(spans, func(s otlptest.Span) bool { return s.Name == name })
	if i < 0 {
		t.Fatalf("no span %q: %q", name, otlptest.Names(spans))
	}
	return spans[i]
}

const (
	loginQuery = `mutation Sign($input: LoginInput!) { login(input: $input) { accessToken } }`
	meQuery    = `query Mine { me { id username } }`
)

// login signs a user in and returns the access token.
func (a *traced) login(t *testing.T, name string) string {
	t.Helper()
	w := a.ask(t, loginQuery, map[string]any{"input": map[string]any{"identifier": name, "password": authtest.Password}})
	var response struct {
		Data struct{ Login struct{ AccessToken string } }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &response); err != nil || response.Data.Login.AccessToken == "" {
		t.Fatalf("login: %v %s", err, w.Body)
	}
	return response.Data.Login.AccessToken
}

// TestTraceOfRequest reads the spans of `me` and of a sign-in at a collector.
func TestTraceOfRequest(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		s.Version = "1.2.3"
		a := newTraced(t, s, config.Tracing{OTELResource: "deployment.environment.name=a%20test"}, slog.LevelInfo)
		a.createUser(t, "ada")
		token := a.login(t, "ada")
		a.log.Reset()
		if w := a.ask(t, meQuery, nil, "Authorization", "Bearer "+token); !strings.Contains(w.Body.String(), `"ada"`) {
			t.Fatalf("me: %s", w.Body)
		}
		line := struct {
			ID      string
			TraceID string `json:"trace_id"`
			SpanID  string `json:"span_id"`
		}{}
		if err := json.Unmarshal(a.log.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		a.ask(t, `query Mine { me { id } }`, nil) // without a token
		spans := a.stop(t)

		system := "postgresql"
		if s.URL.IsSQLite() {
			system = "sqlite"
		}
		roots := slices.DeleteFunc(slices.Clone(spans), func(s otlptest.Span) bool { return s.Parent() != "" })
		if len(roots) != 3 {
			t.Fatalf("%d traces: %q", len(roots), otlptest.Names(roots))
		}
		login, me, refused := roots[0], roots[1], roots[2]
		if line.TraceID != me.TraceID() || line.SpanID != me.ID() || line.ID != me.Attributes()["usher.request.id"] {
			t.Errorf("the log has %+v, the span is %s of %s with %v", line, me.ID(), me.TraceID(), me.Attributes())
		}
		want := []string{
			"POST /graphql",
			"POST /graphql / query",
			"POST /graphql / query / guard",
			"POST /graphql / query / guard / batch find viewer",
			"POST /graphql / query / guard / batch find viewer / look up viewers",
		}
		if got := tree(spans, me.TraceID()); !slices.Equal(got, want) {
			t.Errorf("me has the spans\n%s", strings.Join(got, "\n"))
		}
		of := func(trace otlptest.Span, name string) otlptest.Span {
			t.Helper()
			return find(t, slices.DeleteFunc(slices.Clone(spans), func(s otlptest.Span) bool { return s.TraceID() != trace.TraceID() }), name)
		}
		for _, tt := range []struct {
			span otlptest.Span
			kind string
			want map[string]string
		}{
			{me, "SPAN_KIND_SERVER", map[string]string{
				"http.request.method": "POST", "http.route": "/graphql", "http.response.status_code": "200", "usher.request.id": line.ID,
			}},
			{of(me, "query"), "SPAN_KIND_INTERNAL", map[string]string{"graphql.operation.type": "query"}},
			{of(me, "guard"), "SPAN_KIND_INTERNAL", map[string]string{"usher.rule": "@auth(requires: [USER], assurance: AAL1)", "usher.decision": "ALLOW"}},
			{of(me, "look up viewers"), "SPAN_KIND_CLIENT", map[string]string{"db.system.name": system}},
			{of(refused, "guard"), "SPAN_KIND_INTERNAL", map[string]string{
				"usher.rule": "@auth(requires: [USER], assurance: AAL1)", "usher.decision": "UNAUTHENTICATED", "error.type": "UNAUTHENTICATED",
			}},
			{of(refused, "query"), "SPAN_KIND_INTERNAL", map[string]string{"graphql.operation.type": "query", "error.type": "UNAUTHENTICATED"}},
			{of(login, "hash"), "SPAN_KIND_INTERNAL", map[string]string{}},
			{of(login, "hash wait"), "SPAN_KIND_INTERNAL", map[string]string{}},
			{of(login, "commit transaction"), "SPAN_KIND_CLIENT", map[string]string{"db.system.name": system}},
		} {
			if got := tt.span.Attributes(); fmt.Sprint(got) != fmt.Sprint(tt.want) || tt.span.Kind.String() != tt.kind || tt.span.Status.GetCode() != 0 {
				t.Errorf("%s is %s with %v and %v, want %s with %v", tt.span.Name, tt.span.Kind, got, tt.span.Status, tt.kind, tt.want)
			}
		}
		for name, want := range map[string]string{
			"service.name": "usher", "service.version": "1.2.3", "deployment.environment.name": "a test", "telemetry.sdk.name": "opentelemetry",
		} {
			if me.Resource[name] != want {
				t.Errorf("%s is %q, want %q", name, me.Resource[name], want)
			}
		}
		for name := range me.Resource {
			if strings.HasPrefix(name, "process.") || strings.HasPrefix(name, "host.") {
				t.Errorf("the resource has %s", name)
			}
		}
	})
}

// TestTraceHasNoData sends markers in every place of requests, also of those that fail, and looks for them in what the
// collector gets.
func TestTraceHasNoData(t *testing.T) {
	const marker = "m4rk3r"
	each(t, func(t *testing.T, s app.Settings) {
		a := newTraced(t, s, config.Tracing{}, slog.LevelInfo)
		a.createUser(t, marker)
		token := a.login(t, marker)
		wrong := map[string]any{"identifier": marker, "password": marker + " " + marker + " " + marker}
		headers := []string{
			"Authorization", "Bearer " + token, "User-Agent", marker, "Accept-Language", marker, "X-Request-Id", marker,
			"Traceparent", "00-" + strings.Repeat("ab", 16) + "-" + strings.Repeat("cd", 8) + "-01", "Tracestate", "vendor=" + marker,
			"Baggage", "user=" + marker, "Cookie", marker + "=" + marker, "X-Forwarded-For", "203.0.113.7",
		}
		for query, variables := range map[string]map[string]any{
			loginQuery: {"input": wrong},
			meQuery:    {marker: marker},
			`mutation ` + marker + `($i: SignupInput!) { signup(input: $i) { accessToken } }`: {
				"i": map[string]any{"username": marker, "email": marker + "@example.com", "password": "four small " + marker + " turtles"},
			},
			`mutation { requestPasswordReset(input: {identifier: "` + marker + `@example.com"}) { flow } }`: nil,
			`query ` + marker + ` { ` + marker + `: me { ` + marker + ` } }`:                                nil,
			`query { user(username: "` + marker + `") { id } }`:                                             nil,
			`{ me { id `: nil,
			marker:       nil,
		} {
			a.ask(t, query, variables, headers...)
		}
		for _, target := range []string{"/" + marker, "/graphql?query=" + marker, "/oauth/token?" + marker, "/oauth/userinfo"} {
			for _, method := range []string{http.MethodGet, http.MethodPost, strings.ToUpper(marker)} {
				r := httptest.NewRequest(method, "http://"+marker+".example"+target, strings.NewReader("grant_type="+marker+"&password="+marker))
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				r.Header.Set("Authorization", "Basic "+marker)
				a.ServeHTTP(httptest.NewRecorder(), r)
			}
		}
		if err := a.Domain.Outbox.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		spans := a.stop(t)
		if len(spans) < 50 {
			t.Fatalf("only %d spans", len(spans))
		}
		find(t, spans, "mail")
		everything := a.collector.Everything()
		claims, err := a.Tokens.Verify(token)
		if err != nil {
			t.Fatal(err)
		}
		for name, secret := range map[string]string{
			"a marker": marker, "the token": token[len(token)-20:], "the user id": claims.Subject, "the session": claims.SessionID,
			"a client's address": "203.0.113.7", "the peer's address": "192.0.2.1", "the password": authtest.Password, "a client's trace": `\253\253\253`,
		} {
			if at := strings.Index(strings.ToLower(everything), strings.ToLower(secret)); at >= 0 {
				t.Errorf("%s is in the spans: %s", name, everything[max(at-300, 0):min(at+100, len(everything))])
			}
		}
	})
}

// TestTraceParent sends the header traceparent from a trusted proxy and from elsewhere.
func TestTraceParent(t *testing.T) {
	t.Parallel()
	const traceID, spanID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	sampled, unsampled := "00-"+traceID+"-"+spanID+"-01", "00-"+traceID+"-"+spanID+"-00"
	for name, tt := range map[string]struct {
		proxies             string
		tracing             config.Tracing
		parent              []string
		continues, recorded bool
	}{
		"from a proxy":              {"192.0.2.1", config.Tracing{}, []string{sampled}, true, true},
		"from a proxy, not sampled": {"192.0.2.1", config.Tracing{}, []string{unsampled}, true, false},
		"a proxy decides":           {"192.0.2.1", config.Tracing{OTELSampler: "parentbased_always_off"}, []string{sampled}, true, true},
		"the server decides":        {"192.0.2.1", config.Tracing{OTELSampler: "always_off"}, []string{sampled}, true, false},
		"from a proxy, twice":       {"192.0.2.1", config.Tracing{}, []string{sampled, sampled}, false, true},
		"from a proxy, invalid":     {"192.0.2.1", config.Tracing{}, []string{"00-" + traceID}, false, true},
		"no propagator":             {"192.0.2.1", config.Tracing{OTELPropagators: "none"}, []string{sampled}, false, true},
		"from elsewhere":            {"198.51.100.0/24", config.Tracing{}, []string{sampled}, false, true},
		"elsewhere, forced":         {"", config.Tracing{OTELSampler: "parentbased_always_off"}, []string{sampled}, false, false},
		"elsewhere, avoided":        {"", config.Tracing{}, []string{unsampled}, false, true},
		"a ratio of 0":              {"", config.Tracing{OTELSampler: "traceidratio", OTELSamplerArg: "0"}, nil, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := settings("sqlite:" + t.TempDir() + "/usher.db")
			if tt.proxies != "" {
				if err := s.TrustedProxies.UnmarshalText([]byte(tt.proxies)); err != nil {
					t.Fatal(err)
				}
			}
			a := newTraced(t, s, tt.tracing, slog.LevelInfo)
			r := httptest.NewRequest(http.MethodGet, "/graphql", http.NoBody) // from 192.0.2.1
			r.Header["Traceparent"] = tt.parent
			r.Header["Tracestate"] = []string{"a=1", "b=2"}
			a.ServeHTTP(httptest.NewRecorder(), r)
			spans := a.stop(t)
			if (len(spans) > 0) != tt.recorded {
				t.Fatalf("%d spans", len(spans))
			}
			if !tt.recorded {
				return
			}
			root := spans[0]
			if continues := root.TraceID() == traceID && root.Parent() == spanID; continues != tt.continues || !continues && (root.TraceID() == traceID || root.Parent() != "") {
				t.Errorf("the trace is %s, the parent %s", root.TraceID(), root.Parent())
			}
			if want := map[bool]string{true: "a=1,b=2"}[tt.continues]; root.TraceState != want || len(root.Links) > 0 {
				t.Errorf("the state is %q, the links are %v", root.TraceState, root.Links)
			}
		})
	}
}
