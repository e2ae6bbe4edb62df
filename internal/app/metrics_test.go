package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph"
	"usher/internal/app"
	"usher/internal/auth/authtest"
	"usher/internal/observe"
	"usher/internal/storetest"
)

// definitions returns all metrics that a server can have.
func definitions() []observe.Definition {
	return observe.NewMetrics(observe.MetricsOptions{
		Mail: true, Breaches: true, State: func(context.Context) observe.State { return observe.State{} },
	}).Definitions()
}

// TestMetricsTable compares the table of metrics in docs/metrics.md with the code.
//
//	go test ./internal/app -run MetricsTable -update
func TestMetricsTable(t *testing.T) {
	const file, begin, end = "../../docs/metrics.md", "<!-- metrics -->\n", "<!-- /metrics -->\n"
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(raw), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no %q and %q", file, begin, end)
	}
	var want strings.Builder
	want.WriteString("| metric | type | labels | meaning |\n| --- | --- | --- | --- |\n")
	for _, d := range definitions() {
		labels := ""
		if len(d.Labels) > 0 {
			labels = "`" + strings.Join(d.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s | %s |\n", d.Name, d.Type, labels, d.Help)
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want.String()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want.String(), got); diff != "" {
		t.Errorf("run this test with -update (-code +docs):\n%s", diff)
	}
}

// monitored is a server with the operator's listener, and its two addresses.
type monitored struct {
	*app.App
	public, admin string
	bearer        string
	stop          func() // begins to stop the server
}

func listenLocally(t *testing.T) net.Listener {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// serveMonitored serves until the test ends.
func serveMonitored(t *testing.T, s app.Settings, o app.Overrides) *monitored {
	t.Helper()
	s.AdminListen = "127.0.0.1:0"
	a, err := app.New(t.Context(), s, slog.New(slog.DiscardHandler), o)
	if err != nil {
		t.Fatal(err)
	}
	l := listenLocally(t)
	a.Admin = listenLocally(t)
	m := &monitored{App: a, public: "http://" + l.Addr().String(), admin: "http://" + a.Admin.Addr().String()}
	var ctx context.Context
	ctx, m.stop = context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx, l) }()
	t.Cleanup(func() {
		m.stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if _, err := http.Get(m.admin + "/healthz"); err == nil { //nolint:bodyclose // there must be no answer
			t.Error("the operator's listener answers after the server has stopped")
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// get returns the status and the body of a GET request.
func get(t *testing.T, url string, header ...string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if len(header) == 2 {
		r.Header.Set(header[0], header[1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(read)
}

func (m *monitored) scrape(t *testing.T) string {
	t.Helper()
	status, text := get(t, m.admin+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("a scrape got %d %s", status, text)
	}
	return text
}

// run sends a GraphQL operation and returns the answer.
func (m *monitored) run(t *testing.T, query string, variables map[string]any) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, m.public+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "marker-agent")
	r.Header.Set("Accept-Language", "marker")
	if m.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+m.bearer)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(answer)
}

var (
	metricName = regexp.MustCompile(`\b(?:usher|go|process)_[a-z_]+\b`)
	anID       = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}|[0-9a-f]{32}`)
	anAddress  = regexp.MustCompile(`[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+|::1`)
)

// TestMetrics lets clients do what is counted, with names and values that are markers. Every metric is in a scrape, and
// no marker, id or address is. All metrics that the alert rules and the dashboard use are in the scrape too.
func TestMetrics(t *testing.T) {
	const me = `query MyOwnName { me { id } }`
	each(t, func(t *testing.T, s app.Settings) {
		manifest := filepath.Join(t.TempDir(), "documents.json")
		text, err := json.Marshal(map[string]string{"one": me})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(manifest, text, 0o600); err != nil {
			t.Fatal(err)
		}
		s.TrustedDocuments, s.TrustedDocumentsMode = manifest, "log"
		ranges := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, strings.Repeat("0", 35)+":1\n")
		}))
		defer ranges.Close()
		s.BreachesURL, s.BreachesTimeout = ranges.URL, 5e9
		m := serveMonitored(t, s, app.Overrides{CheapPasswords: true, Mail: authtest.NewMailbox(t).Post()})

		const password = "marker small green turtles"
		signedUp := m.run(t, `mutation MarkerOperation($p: Password!) { signup(input: {username: "marker", email: "marker@example.com", password: $p}) { accessToken } }`,
			map[string]any{"p": password})
		if strings.Contains(signedUp, `"errors"`) {
			t.Fatal(signedUp)
		}
		login := func(password string) string {
			return m.run(t, `mutation($p: Password!) { login(input: {identifier: "marker", password: $p}) { accessToken } }`, map[string]any{"p": password})
		}
		login("marker of a wrong password")
		var in struct {
			Data struct{ Login struct{ AccessToken string } }
		}
		if err := json.Unmarshal([]byte(login(password)), &in); err != nil || in.Data.Login.AccessToken == "" {
			t.Fatal(err, in)
		}
		m.bearer = in.Data.Login.AccessToken
		m.run(t, me, nil)
		m.run(t, `query markerQuery { me { id } }`, nil)
		m.run(t, `{ marker }`, nil)
		m.run(t, `mutation { logout { sessionId } }`, nil)
		get(t, m.public+"/marker?marker=1")
		m.scrape(t)
		got := m.scrape(t)

		for _, want := range []string{
			`usher_graphql_operations_total{code="OK",operation="MyOwnName"} 1`,
			`usher_graphql_operations_total{code="INVALID_CREDENTIALS",operation="other"} 1`,
			`usher_graphql_operations_total{code="GRAPHQL_VALIDATION_FAILED",operation="other"} `,
			`usher_http_requests_total{route="other",status="4xx"} 1`,
			`usher_sign_ins_total{method="password",outcome="success"} 1`,
			`usher_sign_ins_total{method="password",outcome="wrong_credentials"} 1`,
			`usher_sessions_started_total 2`,
			`usher_sessions_ended_total{cause="logout"} 1`,
			`usher_audit_events_total{kind="SIGNUP"} 1`,
			`usher_breach_list_lookups_total `,
			`usher_rate_limit_decisions_total{decision="admitted",limit="login"} 2`,
			`usher_database_batch_size_count{statement="look up viewers"} `,
			`usher_database_statement_duration_seconds_count{statement="look at mail queue"} 1`, // of two scrapes
			`usher_signing_keys 1`,
			`usher_ready 1`,
		} {
			if !strings.Contains(got, "\n"+want) {
				t.Errorf("the scrape lacks %q", want)
			}
		}
		var lines []string
		for line := range strings.Lines(got) {
			if !strings.HasPrefix(line, "usher_build_info") && !strings.HasPrefix(line, "#") {
				lines = append(lines, line)
			}
		}
		values := strings.Join(lines, "")
		if strings.Contains(strings.ToLower(values), "marker") || anID.MatchString(values) || anAddress.MatchString(values) {
			t.Errorf("the scrape contains a marker, an id or an address:\n%s", values)
		}
		exists := func(name string) bool {
			return strings.Contains(got, "\n# TYPE "+name+" ")
		}
		for _, d := range definitions() {
			if !exists(d.Name) {
				t.Errorf("the scrape lacks %s", d.Name)
			}
		}
		for _, file := range []string{"../../deploy/prometheus/usher.rules.yml", "../../deploy/grafana/usher.json", "../../docs/operations.md"} {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			names := metricName.FindAllString(string(text), -1)
			slices.Sort(names)
			for _, name := range slices.Compact(names) {
				base := name
				for _, suffix := range []string{"_bucket", "_sum", "_count"} {
					base = strings.TrimSuffix(base, suffix)
				}
				if !exists(name) && !exists(base) {
					t.Errorf("%s uses %s, which is not in the scrape", file, name)
				}
			}
		}
	})
}

// TestAdminListener checks what each of the two listeners serves.
func TestAdminListener(t *testing.T) {
	each(t, func(t *testing.T, s app.Settings) {
		for _, pprof := range []bool{false, true} {
			s.Pprof, s.Version, s.Commit = pprof, "v1.2.3", "0123abcd"
			m := serveMonitored(t, s, app.Overrides{CheapPasswords: true})
			profiles := http.StatusNotFound
			if pprof {
				profiles = http.StatusOK
			}
			for url, want := range map[string]int{
				m.admin + "/metrics":           http.StatusOK,
				m.admin + "/healthz":           http.StatusOK,
				m.admin + "/debug/pprof/":      profiles,
				m.admin + "/debug/pprof/heap":  profiles,
				m.admin + "/graphql":           http.StatusNotFound,
				m.admin + "/":                  http.StatusNotFound,
				m.public + "/metrics":          http.StatusNotFound,
				m.public + "/debug/pprof/":     http.StatusNotFound,
				m.public + "/debug/pprof/heap": http.StatusNotFound,
			} {
				if status, body := get(t, url); status != want {
					t.Errorf("%s, pprof=%t: %d %.100s, want %d", url, pprof, status, body, want)
				}
			}
			// A release has no record of Go that names its commit.
			if _, body := get(t, m.admin+"/metrics"); !strings.Contains(body, `revision="0123abcd",version="v1.2.3"} 1`) {
				t.Error("usher_build_info does not name the commit")
			}
			if status, _ := get(t, m.admin+"/metrics", "Origin", "https://evil.example"); status != http.StatusForbidden {
				t.Errorf("a page gets metrics: %d", status)
			}
		}
	})
}

// TestAdminListenerWhileStopping checks that the operator's listener answers for as long as a request is in flight.
func TestAdminListenerWhileStopping(t *testing.T) {
	t.Parallel()
	s := settings(storetest.URLs["sqlite"](t))
	s.ShutdownTimeout = time.Minute
	began, end := make(chan struct{}), make(chan struct{})
	answer := sync.OnceFunc(func() { close(end) })
	defer answer()
	m := serveMonitored(t, s, app.Overrides{CheapPasswords: true, GraphQL: func(graph.Options) (http.Handler, error) {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(began); <-end }), nil
	}})
	answered := make(chan int, 1)
	go func() {
		status, _ := get(t, m.public+"/graphql")
		answered <- status
	}()
	<-began
	m.stop()
	for {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", strings.TrimPrefix(m.public, "http://"))
		if err != nil {
			break // it waits for the request
		}
		_ = conn.Close()
	}
	if status, body := get(t, m.admin+"/metrics"); status != http.StatusOK || !strings.Contains(body, "usher_ready 0") {
		t.Errorf("metrics while the server stops: %d %.200s", status, body)
	}
	answer()
	if status := <-answered; status != http.StatusOK {
		t.Errorf("the request in flight: %d", status)
	}
}

// TestReloadNamesOperations reloads another manifest. The names of its operations are labels from then on, and those of the
// former one no longer.
func TestReloadNamesOperations(t *testing.T) {
	t.Parallel()
	s := settings(storetest.URLs["sqlite"](t))
	s.TrustedDocuments, s.TrustedDocumentsMode = filepath.Join(t.TempDir(), "documents.json"), "log"
	trust := func(query string) {
		t.Helper()
		if err := os.WriteFile(s.TrustedDocuments, fmt.Appendf(nil, `{"one": %q}`, query), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const former, later = `query Former { __typename }`, `query Later { __typename }`
	trust(former)
	m := serveMonitored(t, s, app.Overrides{CheapPasswords: true})
	trust(later)
	if err := m.Reload(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	m.run(t, former, nil)
	m.run(t, later, nil)
	got := m.scrape(t)
	if !strings.Contains(got, `usher_graphql_operations_total{code="OK",operation="Later"} 1`) ||
		!strings.Contains(got, `usher_graphql_operations_total{code="OK",operation="other"} 1`) || strings.Contains(got, "Former") {
		t.Errorf("the scrape has\n%s", strings.Join(regexp.MustCompile(`(?m)^usher_graphql_operations_total.*$`).FindAllString(got, -1), "\n"))
	}
}
