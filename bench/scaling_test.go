package main

import (
	"strings"
	"testing"

	"usher/bench/scaling"
)

// TestScaling measures a small database, and checks the counts that do not depend on the machine.
func TestScaling(t *testing.T) {
	o := options{usher: buildUsher(t), generator: "own", short: true, database: durable}
	b, err := newBench(t.Context(), o)
	check(t, err)
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Error(err)
		}
	})
	sizes := []int{3000}
	all, err := b.scale(t.Context(), sizes, 1, counts{200, 20, 10, 10})
	check(t, err)
	m := all[0]
	type bounds struct{ least, most float64 }
	for k, want := range map[scaling.Kind]struct {
		statements, wal bounds
		events          float64
	}{
		scaling.Me:      {bounds{1, 1.2}, bounds{0, 20}, 0},
		scaling.Refresh: {bounds{2, 3}, bounds{100, 1000}, 0},
		scaling.Login:   {bounds{14, 18}, bounds{1000, 10_000}, 1},
		scaling.Signup:  {bounds{7, 10}, bounds{1000, 10_000}, 1},
	} {
		c := m.Costs[k]
		if c.Statements < want.statements.least || c.Statements > want.statements.most {
			t.Errorf("%s: %.2f statements", k, c.Statements)
		}
		if c.WAL < want.wal.least || c.WAL > want.wal.most || c.WALAfterCheckpoint < c.WAL {
			t.Errorf("%s: %.0f bytes of WAL, %.0f after a checkpoint", k, c.WAL, c.WALAfterCheckpoint)
		}
		if c.Events != want.events || c.Writes != (k != scaling.Me) || c.Latency == 0 || c.Buffers == 0 {
			t.Errorf("%s: %+v", k, c)
		}
	}
	for name, r := range map[string]scaling.Row{"user": m.User, "session": m.Session, "event": m.Event} {
		if r.Heap < 100 || r.Heap > 2000 || r.Indexes < 100 || r.Indexes > 2000 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	var text strings.Builder
	check(t, writeScaling(&text, sizes, all, 1e5))
	if n := strings.Count(text.String(), "\n| --- |"); n != 5 {
		t.Errorf("%d tables:\n%s", n, text.String())
	}
}
