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
	"pgregory.net/rapid"

	"usher/internal/ratelimit"
)

var epoch = time.Date(2030, 1, 2, 3, 0, 0, 0, time.UTC)

// memory is a Store without a database. It adds as internal/storetest requires of the databases.
type memory struct {
	mu         sync.Mutex
	sums       map[ratelimit.Key]ratelimit.Sums
	statements int
	before     func() error
}

func newMemory() *memory { return &memory{sums: map[ratelimit.Key]ratelimit.Sums{}} }

func (m *memory) Add(_ context.Context, key ratelimit.Key, period, count int64, _ time.Time) (ratelimit.Sums, error) {
	m.mu.Lock()
	before := m.before
	m.mu.Unlock()
	if before != nil {
		if err := before(); err != nil {
			return ratelimit.Sums{}, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.statements++
	sums, ok := m.sums[key]
	switch {
	case !ok:
		sums = ratelimit.Sums{Period: period, Count: max(count, 0)}
	case sums.Period < period-1:
		sums = ratelimit.Sums{Period: period, Count: max(count, 0)}
	case sums.Period < period:
		sums = ratelimit.Sums{Period: period, Count: max(count, 0), Previous: sums.Count}
	default:
		if sums.Period > period+1 {
			sums.Period = period
		}
		sums.Count = max(sums.Count+count, 0)
	}
	m.sums[key] = sums
	return sums, nil
}

func (m *memory) taken() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() { m.statements = 0 }()
	return m.statements
}

// clock is a clock that the test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = epoch.Add(at)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

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

// TestRetry waits as long as a refusal says.
func TestRetry(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{}
		c.set(time.Duration(rapid.Int64Range(0, int64(3*time.Hour)).Draw(t, "start")))
		l := ratelimit.New(newMemory(), c.Now, 10)
		u := hourly(rapid.Int64Range(1, 300).Draw(t, "max"))
		for range 50 {
			c.advance(time.Duration(rapid.Int64Range(0, int64(20*time.Minute)).Draw(t, "wait")))
			u.Cost = rapid.Int64Range(1, u.Max).Draw(t, "cost")
			states, ok, err := l.Take(context.Background(), []ratelimit.Use{u})
			if err != nil {
				t.Fatal(err)
			}
			if ok {
				continue
			}
			if retry := states[0].Retry; retry <= 0 || retry > 2*u.Per+time.Second {
				t.Fatalf("retry after %v", retry)
			}
			c.advance(states[0].Retry)
			if _, ok, err = l.Take(context.Background(), []ratelimit.Use{u}); !ok || err != nil {
				t.Fatalf("refused after the wait: %v", err)
			}
		}
	})
}

// TestBound runs random schedules over several processes on one database. They take one or two counters, give back, are
// killed and start again. No period may have more uses than the limit and the slack of each process that has run, and no
// stretch as long as a period more than that twice.
func TestBound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		type process struct {
			*ratelimit.Limiter
			skew time.Duration
		}
		type admitted struct {
			at   time.Time
			use  ratelimit.Use
			gone bool
		}
		c, store := &clock{}, newMemory()
		c.set(0)
		skewed := rapid.Bool().Draw(t, "skewed")
		start := func() process {
			p := process{}
			if skewed {
				p.skew = time.Duration(rapid.Int64Range(0, int64(time.Hour-time.Second)).Draw(t, "skew"))
			}
			p.Limiter = ratelimit.New(store, func() time.Time { return c.Now().Add(p.skew) }, rapid.IntRange(1, 3).Draw(t, "size"))
			return p
		}
		processes := make([]process, rapid.IntRange(1, 4).Draw(t, "processes"))
		for i := range processes {
			processes[i] = start()
		}
		ran := int64(len(processes))
		most := rapid.Int64Range(1, 60).Draw(t, "max")
		var log []admitted
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			p := &processes[rapid.IntRange(0, len(processes)-1).Draw(t, "process")]
			switch what := rapid.IntRange(0, 20).Draw(t, "what"); {
			case what == 0:
				*p = start()
				ran++
			case what < 3:
				c.advance(time.Duration(rapid.Int64Range(0, int64(40*time.Minute)).Draw(t, "wait")))
			default:
				var uses []ratelimit.Use
				for range rapid.IntRange(1, 3).Draw(t, "uses") {
					u := hourly(most)
					u.Key = ratelimit.Key{byte(rapid.IntRange(0, 4).Draw(t, "key"))}
					u.Cost = rapid.Int64Range(1, min(3, most)).Draw(t, "cost")
					uses = append(uses, u)
				}
				states, ok, err := p.Take(context.Background(), uses)
				if err != nil {
					t.Fatal(err)
				}
				if !ok {
					continue
				}
				for i, u := range uses {
					back := what > 17
					if back {
						if err := p.GiveBack(context.Background(), u, states[i].Period); err != nil {
							t.Fatal(err)
						}
					}
					log = append(log, admitted{c.Now(), u, back})
				}
			}
		}
		bound := most + ran*ratelimit.Slack(most)
		for _, from := range log {
			inPeriod, inStretch := map[ratelimit.Key]int64{}, map[ratelimit.Key]int64{}
			for _, a := range log {
				if a.gone {
					continue
				}
				if a.at.Truncate(time.Hour).Equal(from.at.Truncate(time.Hour)) {
					inPeriod[a.use.Key] += a.use.Cost
				}
				if since := a.at.Sub(from.at); since >= 0 && since < time.Hour {
					inStretch[a.use.Key] += a.use.Cost
				}
			}
			for key, n := range inPeriod {
				if n > bound && !skewed {
					t.Fatalf("%d uses of %v in the period of %v, limit %d and %d processes", n, key, from.at, most, ran)
				}
			}
			for key, n := range inStretch {
				if n > 2*bound {
					t.Fatalf("%d uses of %v from %v on, limit %d and %d processes", n, key, from.at, most, ran)
				}
			}
		}
	})
}

// TestExact compares one process with a formula. It may refuse nothing that is within the limit.
func TestExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := &clock{}
		c.set(0)
		l := ratelimit.New(newMemory(), c.Now, 10)
		most := rapid.Int64Range(1, 60).Draw(t, "max")
		counts := map[int64]int64{}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			c.advance(time.Duration(rapid.Int64Range(0, int64(10*time.Minute)).Draw(t, "wait")).Truncate(time.Millisecond))
			u := hourly(most)
			u.Cost = rapid.Int64Range(1, 3).Draw(t, "cost")
			hour := int64(c.Now().Sub(epoch) / time.Hour)
			left := time.Hour - c.Now().Sub(epoch)%time.Hour
			used := counts[hour] + int64(math.Ceil(float64(counts[hour-1])*float64(left)/float64(time.Hour)))
			states, ok, err := l.Take(context.Background(), []ratelimit.Use{u})
			if err != nil || ok != (used+u.Cost <= most) {
				t.Fatalf("%d of %d used and %d wanted: %v, %v", used, most, u.Cost, ok, err)
			}
			if ok {
				counts[hour] += u.Cost
				used += u.Cost
			}
			if states[0].Used != used || states[0].Reset != left {
				t.Fatalf("state %+v, want %d used and %v left", states[0], used, left)
			}
			if ok && rapid.IntRange(0, 3).Draw(t, "give back") == 0 {
				if err := l.GiveBack(context.Background(), u, states[0].Period); err != nil {
					t.Fatal(err)
				}
				counts[hour] -= u.Cost
			}
		}
	})
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

// TestEviction uses more counters than the process remembers. What it has counted is in the database then.
func TestEviction(t *testing.T) {
	t.Parallel()
	store, c := newMemory(), &clock{}
	c.set(0)
	l := ratelimit.New(store, c.Now, 10)
	counts := map[ratelimit.Key]int64{}
	for range 5 {
		for n := range 40 {
			u := hourly(100)
			u.Key[2] = byte(n)
			take(t, l, u)
			counts[u.Key]++
		}
	}
	for n := range 20 { // forget the rest
		u := hourly(100)
		u.Key[3] = byte(n + 1)
		take(t, l, u)
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
		u := hourly(100)
		u.Key[3] = byte(n + 1)
		take(t, l, u)
	}
	if n := store.taken(); n > 10 { // the counters of this hour only
		t.Errorf("%d statements for counters that no longer matter", n)
	}
}
