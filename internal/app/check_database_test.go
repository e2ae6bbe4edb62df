package app

import (
	"os"
	"strings"
	"testing"
	"time"

	"usher/internal/check"
	"usher/internal/config"
	"usher/internal/store"
)

// TestInspected gives results for what databases can say of themselves.
func TestInspected(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		said   store.Inspection
		check  string
		status check.Status
		detail string
	}{
		"rights":         {store.Inspection{Role: "usher"}, "rights", check.OK, `the role "usher"`},
		"rights, SQLite": {store.Inspection{}, "rights", check.OK, "the file"},
		"denied":         {store.Inspection{Role: "usher", Denied: []string{"DELETE on sessions", "to write x"}}, "rights", check.Failed, "DELETE on sessions, to write x"},
		"superuser":      {store.Inspection{Role: "postgres", Superuser: true}, "rights", check.Warning, `"postgres" is a superuser`},
		"cannot migrate": {store.Inspection{Role: "usher", Current: 1, Latest: 2}, "rights", check.Failed, "cannot migrate"},
		"need not":       {store.Inspection{Role: "usher", Current: 2, Latest: 2}, "rights", check.OK, ""},
		"old":            {store.Inspection{Product: "PostgreSQL 11.2", Old: true}, "database", check.Failed, "PostgreSQL 11.2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &inspected{settings: config.Database{URL: "postgres://db/usher"}, done: make(chan struct{}), said: &tt.said}
			close(d.done)
			i := &inspector{database: d}
			results := d.result(t.Context())
			if tt.check == "rights" {
				results = i.rights(t.Context())
			}
			if len(results) != 1 || results[0].Status != tt.status || !strings.Contains(results[0].Detail, tt.detail) {
				t.Errorf("%+v", results)
			}
		})
	}
}

func TestClockResult(t *testing.T) {
	t.Parallel()
	for ahead, want := range map[time.Duration]check.Status{
		0: check.OK, 900 * time.Millisecond: check.OK, -900 * time.Millisecond: check.OK,
		1050 * time.Millisecond: check.OK, // the statement took as long
		2 * time.Second:         check.Warning, -2 * time.Second: check.Warning, 30 * time.Second: check.Warning,
		31 * time.Second: check.Failed, -31 * time.Second: check.Failed,
	} {
		if got := clockResult(ahead, 100*time.Millisecond); len(got) != 1 || got[0].Status != want {
			t.Errorf("%v: %+v, want %s", ahead, got, want)
		}
	}
}

func TestCgroupLimit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for text, want := range map[string]float64{"max 100000\n": 0, "150000 100000\n": 1.5, "": 0, "1 2 3": 0, "100000 0": 0, "x y": 0} {
		file := dir + "/cpu.max"
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := cgroupLimit(file); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
	if got := cgroupLimit(dir + "/missing"); got != 0 {
		t.Errorf("missing: %v", got)
	}
}
