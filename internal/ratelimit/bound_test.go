package ratelimit_test

import (
	"context"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"usher/internal/ratelimit"
)

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
		type reserved struct {
			use          ratelimit.Use
			period, hour int64
		}
		var taken []reserved
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
			if ok {
				taken = append(taken, reserved{u, states[0].Period, hour})
			}
			for len(taken) > 0 && rapid.IntRange(0, 3).Draw(t, "give back") == 0 { // also what was taken in earlier periods
				i := rapid.IntRange(0, len(taken)-1).Draw(t, "which")
				r := taken[i]
				if err := l.GiveBack(context.Background(), r.use, r.period); err != nil {
					t.Fatal(err)
				}
				counts[r.hour] -= r.use.Cost
				taken = slices.Delete(taken, i, i+1)
			}
		}
	})
}
