package trusted

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"usher/internal/observe"
)

// newGate returns a gate for one document, its log, and its clock.
func newGate(t *testing.T) (g *Gate, log *bytes.Buffer, now *time.Time) {
	t.Helper()
	documents, err := Read([]byte(`{"me": "{ me }"}`))
	if err != nil {
		t.Fatal(err)
	}
	log, now = &bytes.Buffer{}, new(time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC))
	observer := observe.New(observe.Options{Log: slog.New(slog.NewTextHandler(log, nil)), Now: func() time.Time { return *now }})
	return &Gate{Documents: documents, Exempt: func(context.Context) bool { return false }, Observer: observer}, log, now
}

func TestGate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query        string
		only, exempt bool
		code         string
		logged       bool
	}{
		"log, trusted":           {`{ me }`, false, false, "", false},
		"log, other":             {`{ you }`, false, false, "", true},
		"log, other white space": {`{me}`, false, false, "", true},
		"only, trusted":          {`{ me }`, true, false, "", false},
		"only, other":            {`{ you }`, true, false, CodeNotTrusted, true},
		"only, empty":            {``, true, false, CodeNotTrusted, true},
		"only, exempt":           {`{ you }`, true, true, "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, log, _ := newGate(t)
			g.Only, g.Exempt = tt.only, func(context.Context) bool { return tt.exempt }
			code := ""
			if err := g.MutateOperationParameters(t.Context(), &graphql.RawParams{Query: tt.query}); err != nil {
				code, _ = err.Extensions["code"].(string)
			}
			if code != tt.code || (log.Len() > 0) != tt.logged {
				t.Errorf("code %q, want %q; log %q", code, tt.code, log)
			}
		})
	}
}

// TestGateLog checks what a line says: never the text, nor a hash that would help to guess a password in it.
func TestGateLog(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ query, operation, want string }{
		"named":         {"query You { you }", "You", `document=sha256:` + hash("query You { you }") + ` operation=You`},
		"unnamed":       {"{ you }", "", `operation=""`},
		"no name":       {"{ you }", "hunter2 hunter2", `operation=""`},
		"long name":     {"{ you }", strings.Repeat("n", 65), `operation=""`},
		"string":        {`mutation A { login(password: "hunter2") }`, "A", `document="unavailable: the document contains a string" operation=A`},
		"block string":  {`mutation A { login(password: """hunter2""") }`, "A", `document="unavailable: the document contains a string" operation=A`},
		"with variable": {`mutation A($p: P) { login(password: $p) }`, "A", `document=sha256:`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, log, _ := newGate(t)
			params := &graphql.RawParams{Query: tt.query, OperationName: tt.operation, Variables: map[string]any{"p": "hunter2"}}
			if err := g.MutateOperationParameters(t.Context(), params); err != nil {
				t.Fatal(err)
			}
			if line := log.String(); !strings.Contains(line, tt.want) || strings.Contains(line, "hunter2") ||
				strings.Contains(line, hash(tt.query)) == strings.Contains(tt.query, `"`) {
				t.Errorf("log %s, want %s", line, tt.want)
			}
		})
	}
}

// TestGateLogNamesEach checks that documents with a string, which have no hash in the log, are told apart by their names.
// Otherwise the first one that anybody sends would hide all others.
func TestGateLogNamesEach(t *testing.T) {
	t.Parallel()
	g, log, _ := newGate(t)
	for _, name := range []string{"", "Orders", "Invoices", "Orders"} {
		params := &graphql.RawParams{Query: "query " + name + ` { list(status: "open") }`, OperationName: name}
		if err := g.MutateOperationParameters(t.Context(), params); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]int{`operation=""`: 1, "operation=Orders": 1, "operation=Invoices": 1} {
		if got := strings.Count(log.String(), name); got != want {
			t.Errorf("%d lines with %s, want %d:\n%s", got, name, want, log)
		}
	}
}

// TestGateLogIsBounded sends many documents.
func TestGateLogIsBounded(t *testing.T) {
	t.Parallel()
	g, log, now := newGate(t)
	send := func(from, to int) (lines int) {
		log.Reset()
		for i := from; i < to; i++ {
			if err := g.MutateOperationParameters(t.Context(), &graphql.RawParams{Query: fmt.Sprintf("{ f%d }", i)}); err != nil {
				t.Fatal(err)
			}
		}
		return strings.Count(log.String(), "\n")
	}
	for _, step := range []struct{ from, to, want int }{
		{0, 3, 3},            // each document
		{0, 3, 0},            // once
		{3, 1000, 57},        // 60 in a minute
		{2000, 2010, 0},      // of which the second half has not begun
		{5000, 5001, 1},      // the next minute
		{0, maxReported, 59}, // what was not logged before
	} {
		if step.from == 5000 {
			*now = now.Add(time.Minute)
		}
		if got := send(step.from, step.to); got != step.want {
			t.Errorf("%d to %d: %d lines, want %d", step.from, step.to, got, step.want)
		}
		if step.from == 5000 && !strings.Contains(log.String(), "dropped=950") {
			t.Errorf("the line does not say that 950 documents were not logged: %s", log)
		}
	}
	if n := g.report.reported.Len(); n > maxReported {
		t.Errorf("%d documents are remembered", n)
	}
}
