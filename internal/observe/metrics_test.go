package observe_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/observe"
)

// values returns the counters with some names that are not 0.
func values(t *testing.T, m *observe.Metrics, names ...string) string {
	t.Helper()
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if !slices.Contains(names, family.GetName()) || metric.GetCounter().GetValue() == 0 {
				continue
			}
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", label.GetName(), label.GetValue()))
			}
			fmt.Fprintf(&text, "%s{%s} %v\n", family.GetName(), strings.Join(labels, ","), metric.GetCounter().GetValue())
		}
	}
	return text.String()
}

// TestServe counts requests. Names of operations that clients choose are no labels, and neither are other texts.
func TestServe(t *testing.T) {
	t.Parallel()
	const graphQL = "/graphql"
	for name, tt := range map[string]struct {
		served observe.Served
		want   string
	}{
		"a known operation":    {observe.Served{Route: graphQL, Status: 200, GraphQL: true, Operation: "Me"}, "/graphql 2xx Me OK"},
		"an unknown operation": {observe.Served{Route: graphQL, Status: 200, GraphQL: true, Operation: "Ada"}, "/graphql 2xx other OK"},
		"a name without case":  {observe.Served{Route: graphQL, Status: 200, GraphQL: true, Operation: "me"}, "/graphql 2xx other OK"},
		"no name":              {observe.Served{Route: graphQL, Status: 200, GraphQL: true}, "/graphql 2xx other OK"},
		"an error":             {observe.Served{Route: graphQL, Status: 200, GraphQL: true, Operation: "Me", Code: "FORBIDDEN"}, "/graphql 2xx Me FORBIDDEN"},
		"a failure":            {observe.Served{Route: graphQL, Status: 500, GraphQL: true, Code: "INTERNAL_SERVER_ERROR"}, "/graphql 5xx other INTERNAL_SERVER_ERROR"},
		"an unknown code":      {observe.Served{Route: graphQL, Status: 400, GraphQL: true, Code: "ada"}, "/graphql 4xx other other"},
		"a client that left":   {observe.Served{Route: graphQL, Status: 503, GraphQL: true, Code: "SERVICE_UNAVAILABLE", Disconnected: true}, "/graphql 5xx other CLIENT_CLOSED_REQUEST"},
		"no database":          {observe.Served{Route: graphQL, Status: 503, GraphQL: true, Code: "SERVICE_UNAVAILABLE"}, "/graphql 5xx other SERVICE_UNAVAILABLE"},
		"another route":        {observe.Served{Route: "/oauth/token", Status: 401, Operation: "Me", Code: "x"}, "/oauth/token 4xx"},
		"the page":             {observe.Served{Route: "/{$}", Status: 304}, "/ 3xx"},
		"no route":             {observe.Served{Status: 404}, "other 4xx"},
		"no answer":            {observe.Served{Route: graphQL, GraphQL: true, Code: "INTERNAL_SERVER_ERROR"}, "/graphql other other INTERNAL_SERVER_ERROR"},
		"no status":            {observe.Served{Route: "/", Status: 999}, "/ other"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := observe.NewMetrics(observe.MetricsOptions{
				Operations: []string{"Me"}, Codes: []string{"FORBIDDEN", "INTERNAL_SERVER_ERROR", "SERVICE_UNAVAILABLE"},
			})
			for range 3 {
				m.Serve(tt.served)
			}
			var route, status, operation, code string
			_, _ = fmt.Sscan(tt.want, &route, &status, &operation, &code)
			want := ""
			if operation != "" {
				want = fmt.Sprintf("usher_graphql_operations_total{code=%q,operation=%q} 3\n", code, operation)
			}
			want += fmt.Sprintf("usher_http_requests_total{route=%q,status=%q} 3\n", route, status)
			if got := values(t, m, "usher_http_requests_total", "usher_graphql_operations_total"); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// TestManyOperations limits how many names are labels.
func TestManyOperations(t *testing.T) {
	t.Parallel()
	var names []string
	for n := range 2 * observe.MaxOperations {
		names = append(names, fmt.Sprintf("Operation%d", n))
	}
	m := observe.NewMetrics(observe.MetricsOptions{Operations: names})
	for _, name := range names {
		m.Serve(observe.Served{GraphQL: true, Operation: name})
	}
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if n := len(family.GetMetric()); family.GetName() == "usher_graphql_operation_duration_seconds" && n != observe.MaxOperations+1 {
			t.Errorf("%d names are labels, want %d", n, observe.MaxOperations+1)
		}
	}
}

// TestNameOperations replaces the names while requests are counted. A name that stays keeps its counters.
func TestNameOperations(t *testing.T) {
	t.Parallel()
	m := observe.NewMetrics(observe.MetricsOptions{Operations: []string{"Old", "Kept"}})
	var requests sync.WaitGroup
	serve := func() {
		for _, name := range []string{"Old", "Kept", "New"} {
			m.Serve(observe.Served{GraphQL: true, Operation: name})
		}
	}
	serve()
	for range 4 {
		requests.Go(serve)
	}
	m.NameOperations([]string{"Kept", "New"})
	requests.Wait()
	serve()
	got := values(t, m, "usher_graphql_operations_total")
	for text, want := range map[string]bool{
		`{code="OK",operation="Kept"} 6`: true, `{code="OK",operation="New"} `: true, `operation="Old"`: false,
	} {
		if strings.Contains(got, text) != want {
			t.Errorf("%s: %t, want %t in\n%s", text, !want, want, got)
		}
	}
	var nothing *observe.Metrics
	nothing.NameOperations([]string{"New"})
}

// TestSteps counts statements and hashes at a level at which the log has no steps.
func TestSteps(t *testing.T) {
	t.Parallel()
	m := observe.NewMetrics(observe.MetricsOptions{Batched: []string{"look up"}})
	o := observe.New(observe.Options{Log: slog.New(slog.DiscardHandler), Metrics: m})
	for _, step := range []struct {
		kind observe.StepKind
		name string
		err  error
	}{
		{observe.Request, "", nil},
		{observe.Operation, "", errors.New("x")},
		{observe.Batch, "find", nil},
		{observe.Statement, "look up", nil},
		{observe.Statement, "add", errors.New("conflict")},
		{observe.Statement, "add", context.Canceled},
		{observe.Statement, "add", fmt.Errorf("slow: %w", context.DeadlineExceeded)},
		{observe.HashWait, "", nil},
		{observe.HashWait, "", errors.New("busy")},
		{observe.HashWait, "", context.Canceled},
		{observe.HashWait, "", context.DeadlineExceeded},
		{observe.Hash, "", nil},
	} {
		_, end := o.Step(t.Context(), step.kind, step.name)
		end(step.err)
	}
	const want = `usher_password_hash_refused_total{} 1
usher_database_statement_errors_total{statement="add"} 2
`
	if got := values(t, m, "usher_password_hash_refused_total") + values(t, m, "usher_database_statement_errors_total"); got != want {
		t.Errorf("got\n%s", got)
	}
	for name, want := range map[string]uint64{
		"usher_database_statement_duration_seconds": 4, "usher_database_batch_size": 1,
		"usher_password_hash_wait_seconds": 4, "usher_password_hash_duration_seconds": 1,
	} {
		if got := samples(t, m, name); got != want {
			t.Errorf("%s has %d samples, want %d", name, got, want)
		}
	}
}

// samples returns how many samples a histogram has.
func samples(t *testing.T, m *observe.Metrics, name string) (n uint64) {
	t.Helper()
	families, err := m.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			n += metric.GetHistogram().GetSampleCount()
		}
	}
	return n
}

// TestNoMetrics counts without metrics, and what a server does not have.
func TestNoMetrics(t *testing.T) {
	t.Parallel()
	for _, m := range []*observe.Metrics{nil, observe.NewMetrics(observe.MetricsOptions{})} {
		m.Serve(observe.Served{})
		m.CountSignIn("password", "success")
		m.CountSessionStarted()
		m.CountSessionsEnded("LOGOUT", 1)
		m.CountEvent("LOGIN")
		m.CountLimit("login", "admitted")
		m.CountMail("sent")
		m.CountBreachLookup(true)
		m.CountJob("keys", time.Time{}, false)
	}
	var none *observe.Observer
	if none.Metrics() != nil {
		t.Error("no observer has metrics")
	}
}

// TestMetricsAllocate checks what a request for `me` costs: one closure for its statement.
func TestMetricsAllocate(t *testing.T) {
	m := observe.NewMetrics(observe.MetricsOptions{Operations: []string{"Me"}})
	served := observe.Served{Route: "/graphql", Status: 200, GraphQL: true, Operation: "Me", Took: time.Millisecond}
	if n := testing.AllocsPerRun(100, func() { m.Serve(served) }); n != 0 {
		t.Errorf("a request: %v allocations", n)
	}
	o := observe.New(observe.Options{Log: slog.New(slog.DiscardHandler), Metrics: m})
	if n := testing.AllocsPerRun(100, func() { step(t.Context(), o) }); n > 1 {
		t.Errorf("a statement: %v allocations", n)
	}
}
