package ratelimit_test

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/ratelimit"
)

func hourly(most int64) ratelimit.Use {
	return ratelimit.Use{Key: ratelimit.Key{1}, Max: most, Cost: 1, Per: time.Hour}
}

func take(t *testing.T, l *ratelimit.Limiter, uses ...ratelimit.Use) ([]ratelimit.State, bool) {
	t.Helper()
	states, ok, err := l.Take(t.Context(), uses)
	if err != nil {
		t.Fatal(err)
	}
	return states, ok
}

// TestWindow takes uses at times of two periods of an hour, in one process.
func TestWindow(t *testing.T) {
	t.Parallel()
	type step struct {
		at   time.Duration
		cost int64
		ok   bool
		used int64
	}
	for name, steps := range map[string][]step{
		"a period":        {{0, 7, true, 7}, {time.Minute, 3, true, 10}, {59 * time.Minute, 1, false, 10}},
		"earlier uses":    {{0, 10, true, 10}, {time.Hour, 1, false, 10}, {66*time.Minute - 1, 1, false, 10}, {66 * time.Minute, 1, true, 10}},
		"rounded up":      {{0, 3, true, 3}, {time.Hour + time.Millisecond, 7, true, 10}, {time.Hour + 20*time.Minute, 1, true, 10}},
		"half":            {{0, 10, true, 10}, {90 * time.Minute, 5, true, 10}, {90 * time.Minute, 1, false, 10}, {2*time.Hour - 1, 5, false, 6}},
		"next but one":    {{0, 10, true, 10}, {2 * time.Hour, 10, true, 10}},
		"much later":      {{0, 10, true, 10}, {1000 * time.Hour, 10, true, 10}},
		"more than all":   {{0, 11, false, 0}, {0, 10, true, 10}},
		"clock backwards": {{time.Hour, 10, true, 10}, {59 * time.Minute, 1, false, 10}, {61 * time.Minute, 1, false, 10}},
		"clock was wrong": {{10 * time.Hour, 10, true, 10}, {0, 1, false, 10}, {90 * time.Minute, 5, false, 10}, {150 * time.Minute, 5, true, 10}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, slackless := range []bool{true, false} { // it makes no difference to one process
				c := &clock{}
				l := ratelimit.New(newMemory(), c.Now, 10)
				scale := int64(1)
				if !slackless {
					scale = 100
				}
				for i, s := range steps {
					c.set(s.at)
					u := hourly(10 * scale)
					u.Cost = s.cost * scale
					states, ok := take(t, l, u)
					used := int64(math.Ceil(float64(states[0].Used) / float64(scale)))
					if ok != s.ok || used != s.used || states[0].Over == ok {
						t.Errorf("step %d: %v, %d used of %d, want %v, %d", i, ok, states[0].Used, u.Max, s.ok, s.used)
					}
				}
			}
		})
	}
}

// TestStatements counts statements.
func TestStatements(t *testing.T) {
	t.Parallel()
	store, c := newMemory(), &clock{}
	c.set(0)
	l := ratelimit.New(store, c.Now, 100)
	want := func(what string, statements int) {
		t.Helper()
		if n := store.taken(); n != statements {
			t.Errorf("%s: %d statements, want %d", what, n, statements)
		}
	}
	for range 10 {
		take(t, l, hourly(100))
	}
	want("a tenth of the limit", 0)
	for range 90 {
		take(t, l, hourly(100))
	}
	want("the rest", 9)
	for range 1000 {
		if _, ok := take(t, l, hourly(100)); ok {
			t.Fatal("admitted over the limit")
		}
	}
	want("over the limit", 0)
	c.advance(time.Minute)
	for range 1000 {
		take(t, l, hourly(100))
	}
	want("over the limit a minute later", 1)

	c.advance(10 * time.Hour)
	for range 1000 { // as sign-ins that succeed: they are reserved and given back
		states, ok := take(t, l, hourly(100))
		if !ok {
			t.Fatal("refused")
		}
		if err := l.GiveBack(t.Context(), hourly(100), states[0].Period); err != nil {
			t.Fatal(err)
		}
	}
	want("uses that were given back", 0)
	other := hourly(5)
	other.Key[1] = 9
	for range 5 {
		take(t, l, other)
	}
	want("a limit without slack", 5)
}

// TestAllOrNothing takes several counters. Those within their limits do not count if another one is over.
func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	for _, most := range []int64{3, 100} { // without slack and with slack
		store, c := newMemory(), &clock{}
		c.set(0)
		l := ratelimit.New(store, c.Now, 100)
		a, b := hourly(most), hourly(most-1)
		b.Key[1] = 9
		other := ratelimit.New(store, c.Now, 100) // takes all of b, unknown to l
		all := b
		all.Cost = all.Max
		take(t, other, all)
		b.Cost = ratelimit.Slack(b.Max) + 1
		states, ok := take(t, l, a, a, b)
		if ok || states[0].Over || states[1].Over || !states[2].Over || !states[2].First || states[0].Used != 0 {
			t.Errorf("%v, %+v", ok, states)
		}
		if states, _ = take(t, l, b, a); !states[0].Over || states[0].First {
			t.Errorf("for the second time: %+v", states)
		}
		a.Cost = a.Max
		if _, ok := take(t, l, a); !ok {
			t.Error("a refused operation has counted")
		}

		// Uses of one operation count together.
		c.advance(10 * time.Hour)
		a.Cost = a.Max/2 + 1
		if states, ok := take(t, l, a, a); ok || states[0].Over || !states[1].Over {
			t.Errorf("two uses of one counter: %v, %+v", ok, states)
		}
		a.Peek = true
		for range 3 {
			if _, ok := take(t, l, a); !ok {
				t.Error("a peek counts")
			}
			if _, ok := take(t, l, a, a); ok {
				t.Error("two peeks of one operation are within the limit")
			}
		}
		a.Force, a.Peek = true, false
		for n := range 5 {
			if states, ok := take(t, l, a); !ok || states[0].Used != int64(n+1)*a.Cost {
				t.Errorf("forced: %v, %+v", ok, states)
			}
		}
	}
}

// TestUnavailable fails statements. What was not admitted does not count in this process, and what was stays to be added.
func TestUnavailable(t *testing.T) {
	t.Parallel()
	store, c := newMemory(), &clock{}
	c.set(0)
	l := ratelimit.New(store, c.Now, 100)
	u, down := hourly(20), errors.New("down")
	take(t, l, u)
	take(t, l, u)
	store.before = func() error { return down }
	for range 3 {
		if _, ok, err := l.Take(t.Context(), []ratelimit.Use{u}); ok || !errors.Is(err, down) {
			t.Fatalf("%v, %v", ok, err)
		}
	}
	failure := u
	failure.Key[0], failure.Force = 2, true
	for range 25 { // what has happened counts, although the database does not know it
		_, _, _ = l.Take(t.Context(), []ratelimit.Use{failure})
	}
	failure.Peek, failure.Force = true, false
	store.before = nil
	if states, ok := take(t, l, failure); ok || states[0].Used < 25 {
		t.Errorf("after 25 failures: %v, %+v", ok, states)
	}
	store.before = func() error { panic("lost") }
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		_, _, _ = l.Take(t.Context(), []ratelimit.Use{u})
	}()
	store.before = nil
	if states, ok := take(t, l, u); !ok || states[0].Used > 4 { // the panic leaves its use counted
		t.Errorf("afterwards: %v, %+v", ok, states)
	}
	if sums := store.sums[u.Key]; sums.Count < 3 {
		t.Errorf("the database has %+v", sums)
	}
}

// TestBusy holds a statement. Others of the same counter wait and can give up; another counter does not wait.
func TestBusy(t *testing.T) {
	t.Parallel()
	store, c := newMemory(), &clock{}
	c.set(0)
	l := ratelimit.New(store, c.Now, 100)
	entered, release := make(chan struct{}), make(chan struct{})
	var entries atomic.Int32
	store.before = func() error {
		if entries.Add(1) == 1 {
			close(entered)
			<-release
		}
		return nil
	}
	var all sync.WaitGroup
	all.Go(func() { take(t, l, hourly(5)) })
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := l.Take(ctx, []ratelimit.Use{hourly(5)}); !errors.Is(err, context.Canceled) {
		t.Errorf("a use that waits: %v", err)
	}
	other := hourly(5)
	other.Key[1] = 9
	take(t, l, other)
	all.Go(func() { take(t, l, hourly(5)) })
	close(release)
	all.Wait()
	want := map[ratelimit.Key]ratelimit.Sums{{1}: {Count: 2}, {1, 9}: {Count: 1}}
	for key, sums := range store.sums {
		if sums.Count != want[key].Count {
			t.Errorf("%v: %+v, want %+v", key, sums, want[key])
		}
	}
}

// TestEviction uses more counters than the process remembers. What it has counted is in the database then, but for a
// hundredth of the limit.
func TestEviction(t *testing.T) {
	t.Parallel()
	store, c := newMemory(), &clock{}
	c.set(0)
	l := ratelimit.New(store, c.Now, 10)
	counts := map[ratelimit.Key]int64{}
	for range 5 {
		for n := range 40 {
			u := hourly(99)
			u.Key[2] = byte(n)
			take(t, l, u)
			counts[u.Key]++
		}
	}
	for n := range 20 { // forget the rest
		u := hourly(99)
		u.Key[3] = byte(n + 1)
		take(t, l, u)
	}
	many := newMemory()
	l = ratelimit.New(many, c.Now, 10)
	for n := range 200 {
		for _, most := range []int64{99, 100} {
			u := hourly(most)
			u.Key = ratelimit.Key{byte(most), byte(n)}
			take(t, l, u)
		}
	}
	if n := len(many.sums); many.statements != n || n < 190 || n > 200 { // those of the limit 99
		t.Errorf("%d statements for %d counters in the database, want about 195", many.statements, n)
	}
	got := map[ratelimit.Key]int64{}
	for key := range counts {
		got[key] = store.sums[key].Count
	}
	if diff := cmp.Diff(counts, got); diff != "" {
		t.Errorf("in the database (-want +got):\n%s", diff)
	}
	c.advance(10 * time.Hour)
	store.taken()
	for n := range 20 {
		u := hourly(99)
		u.Key[3] = byte(n + 1)
		take(t, l, u)
	}
	if n := store.taken(); n > 10 { // the counters of this hour only
		t.Errorf("%d statements for counters that no longer matter", n)
	}
}

// TestEvictedAgain lets a counter make room for another after each use. It does not start with a new slack each time.
func TestEvictedAgain(t *testing.T) {
	t.Parallel()
	store, c := newMemory(), &clock{}
	c.set(0)
	l := ratelimit.New(store, c.Now, 1)
	passed := int64(0)
	for n := range 50 {
		u := hourly(20)
		if _, ok := take(t, l, u); ok {
			passed++
		}
		u.Key[2] = byte(n + 1)
		take(t, l, u)
	}
	if most := 20 + ratelimit.Slack(20); passed > most {
		t.Errorf("%d uses within a limit of 20, want at most %d", passed, most)
	}
}
