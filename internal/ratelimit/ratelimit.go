// Package ratelimit owns the counters of rate limits. A process counts by itself and adds what it has counted to the
// database in batches, so that most uses need no statement.
//
// Time is divided into periods, the same ones for all processes. The uses of a period are limited, together with the share
// of the last period that is less than a period ago (a sliding window counter). So each period has at most Max uses. Any
// stretch of time as long as a period overlaps two of them, and has less than 2*Max.
//
// A process lets at most Slack uses of a counter pass before it adds them to the database and learns what the others have
// added. So with n processes, each period has at most Max + n*Slack uses. A process that is killed takes with it what it
// has not added, so each process that has run in the period is one of the n. A counter that makes room for others in a
// process's memory may lose a hundredth of Max each time. The clocks of all processes must agree to within a period. The
// first use of a counter needs no statement if Slack is at least 1, or a hundredth of Max once counters have made room
// for others.
package ratelimit

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// Key names a counter. Counters with different periods have different keys.
type Key [16]byte

// Store keeps the sums of all processes.
type Store interface {
	// Add adds uses to a counter and returns its sums. It never returns a period before that of the uses. expires is when
	// the uses no longer matter.
	Add(ctx context.Context, key Key, period, count int64, expires time.Time) (Sums, error)
}

// Sums are the uses of a counter in its current period and in the one before.
type Sums struct {
	Period, Count, Previous int64
}

// Use is one use of a counter.
type Use struct {
	Key Key
	// Max is how much is allowed in each period of the length Per, and Cost is how much of it this use takes.
	Max, Cost int64
	Per       time.Duration
	// Peek only asks whether the use is within the limit, and counts nothing.
	Peek bool
	// Force counts the use even if it is over the limit.
	Force bool
}

// Slack returns how much of a counter a process may count before it adds it to the database.
func Slack(most int64) int64 { return most / 10 }

// State is the state of a counter after a decision.
type State struct {
	// Over says that the use is over the limit. First says that it is the first one in this period, for this process.
	Over, First bool
	// Used is how much of the limit is used, by this use too if it counts.
	Used int64
	// Period is the current period. It ends after Reset.
	Period int64
	Reset  time.Duration
	// Retry is when a use that is over the limit will be within it, if nothing else is counted.
	Retry time.Duration

	counter *counter
}

// Limiter counts uses. It is safe for concurrent use.
type Limiter struct {
	store Store
	now   func() time.Time
	size  int

	mu       sync.Mutex
	counters *simplelru.LRU[Key, *counter]
	// forgotten is until when the database may have uses of a counter that made room for others.
	forgotten time.Time
}

// New returns a Limiter that remembers about size counters.
func New(store Store, now func() time.Time, size int) *Limiter {
	l := &Limiter{store: store, now: now, size: size}
	l.counters, _ = simplelru.NewLRU[Key, *counter](math.MaxInt, nil) // fails for a size below 1 only
	return l
}

// Take counts all uses, or none if one of them is over its limit. It reports which, and the state of each counter.
//
// A counter that is over its limit needs no statement, except for one in each sixtieth of a period: another process may
// have given uses back.
func (l *Limiter) Take(ctx context.Context, uses []Use) (states []State, ok bool, err error) {
	if err := l.evict(ctx); err != nil {
		return nil, false, err
	}
	states = make([]State, len(uses))
	for {
		todo, wait, ok := l.reserve(uses, states)
		if wait != nil {
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return nil, false, ctx.Err()
			}
		}
		if len(todo) == 0 {
			return states, ok, nil
		}
		err := l.settle(ctx, todo)
		switch {
		case ok:
			ok = l.confirm(uses, states, todo, err)
			return states, ok, err
		case err != nil:
			return nil, false, err
		}
	}
}

// settlement is a counter with a statement in flight.
type settlement struct {
	use           *Use
	counter       *counter
	period, count int64
	over          bool // after it
}

// reserve counts the uses in this process, unless a use is over its limit or a counter has a statement in flight, to wait
// for. It returns the counters to settle. If it has not counted the uses, these are those that the database may no longer
// have over their limit.
func (l *Limiter) reserve(uses []Use, states []State) (todo []settlement, wait chan struct{}, ok bool) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range uses {
		c := l.counter(&uses[i], now)
		if c.busy != nil {
			return nil, c.busy, false
		}
		states[i] = State{counter: c}
	}
	ok = true
	for i := range uses {
		u, c := &uses[i], states[i].counter
		if c.over(u, now) {
			ok = false
			states[i].refuse(u, now)
		}
		c.unsettled += u.Cost // The next use of the operation may have the same counter.
	}
	for i := range uses {
		if u := &uses[i]; u.Peek || !ok {
			states[i].counter.unsettled -= u.Cost
		}
	}
	for i := range uses {
		u, state := &uses[i], &states[i]
		state.note(now)
		if state.Over && state.counter.stale(now) || ok && !u.Peek && state.counter.unsettled > l.slack(state.counter, u, now) {
			todo = begin(todo, u, state.counter)
		}
	}
	for i := range states { // which the database has yet to confirm
		if len(todo) > 0 && states[i].First {
			states[i].counter.refused = false
		}
	}
	return todo, nil, ok
}

// slack returns how much of a counter may wait to be added to the database. A counter that has made room for others would
// start with a new Slack each time it comes back.
func (l *Limiter) slack(c *counter, u *Use, now time.Time) int64 {
	if c.readAt.IsZero() && now.Before(l.forgotten) {
		return min(Slack(u.Max), c.negligible)
	}
	return Slack(u.Max)
}

// begin adds a counter to those with a statement in flight, unless it is one.
func begin(todo []settlement, u *Use, c *counter) []settlement {
	if c.busy != nil {
		return todo
	}
	c.busy = make(chan struct{})
	return append(todo, settlement{use: u, counter: c, period: c.period, count: c.unsettled})
}

// refuse says that a use is over its limit.
func (s *State) refuse(u *Use, now time.Time) {
	s.Over, s.Retry = true, s.counter.retry(now, u)
	s.First, s.counter.refused = s.First || !s.counter.refused, true
}

// note notes the state of the counter.
func (s *State) note(now time.Time) {
	s.Used, s.Period, s.Reset = s.counter.used(now), s.counter.period, s.counter.left(now)
}

// settle adds to the database what the counters have counted. If that fails, the uses stay unsettled, although they may
// have been added: a use may count twice rather than not at all.
func (l *Limiter) settle(ctx context.Context, todo []settlement) error {
	done := 0
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		for _, s := range todo[done:] {
			s.end()
		}
	}()
	for i := range todo {
		s := &todo[i]
		sums, err := l.add(ctx, s)
		if err != nil {
			return err
		}
		l.settled(s, sums)
		done++
	}
	return nil
}

func (l *Limiter) add(ctx context.Context, s *settlement) (Sums, error) {
	return l.store.Add(ctx, s.use.Key, s.period, s.count, startOf(s.period+2, s.counter.per))
}

func (l *Limiter) settled(s *settlement, sums Sums) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	s.counter.settled(s.count, sums, now)
	s.over = s.counter.used(now) > s.use.Max // before others count
	s.end()
}

// end lets the others use the counter.
func (s *settlement) end() {
	close(s.counter.busy)
	s.counter.busy = nil
}

// confirm reports whether the uses are within their limits, as the database says of the counters that were settled.
// Otherwise it uncounts them. If the database failed, it does not uncount those with Force: they have happened.
func (l *Limiter) confirm(uses []Use, states []State, todo []settlement, err error) bool {
	now, ok := l.now(), err == nil
	l.mu.Lock()
	defer l.mu.Unlock()
	over := func(c *counter) bool {
		return slices.ContainsFunc(todo, func(s settlement) bool { return s.counter == c && s.over })
	}
	for i := range uses {
		u, state := &uses[i], &states[i]
		if !u.Force && over(state.counter) {
			ok, state.Over = false, true
		}
	}
	for i := range uses {
		u, state := &uses[i], &states[i]
		if !ok && !u.Peek && (err == nil || !u.Force) {
			state.counter.giveBack(state.Period, u.Cost)
		}
	}
	for i := range uses {
		if state := &states[i]; state.Over {
			state.refuse(&uses[i], now)
		}
		states[i].note(now)
	}
	return ok
}

// GiveBack uncounts a use that Take has counted in a period. The database learns of it when the slack is used up.
func (l *Limiter) GiveBack(ctx context.Context, u Use, period int64) error {
	return l.settle(ctx, l.uncount(&u, period))
}

func (l *Limiter) uncount(u *Use, period int64) []settlement {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.counter(u, now)
	c.giveBack(period, u.Cost)
	if c.busy == nil && c.unsettled < -max(Slack(u.Max), 1) {
		return begin(nil, u, c)
	}
	return nil
}

// counter returns the counter of a use in the current period.
func (l *Limiter) counter(u *Use, now time.Time) *counter {
	c, ok := l.counters.Get(u.Key)
	if !ok {
		c = &counter{per: u.Per, negligible: u.Max / 100, period: periodAt(now, u.Per)}
		l.counters.Add(u.Key, c)
	}
	c.advance(now)
	return c
}

// evict forgets the counters that were not used for the longest time, and adds to the database what they have counted.
// Otherwise a client with many addresses could make them forget. Up to a hundredth of a limit is not added: otherwise each
// request from a new address, which costs the client nothing, would cost the database several statements.
func (l *Limiter) evict(ctx context.Context) error {
	for _, s := range l.evicted() {
		if _, err := l.add(ctx, &s); err != nil {
			return err
		}
	}
	return nil
}

func (l *Limiter) evicted() (todo []settlement) {
	now := l.now()
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.counters.Len() > l.size {
		key, c, _ := l.counters.GetOldest()
		if c.busy != nil {
			l.counters.Get(key) // now it is the newest
			break
		}
		l.counters.RemoveOldest()
		c.advance(now)
		unsettled := c.unsettled > c.negligible
		if until := startOf(c.period+2, c.per); (unsettled || !c.readAt.IsZero()) && until.After(l.forgotten) {
			l.forgotten = until
		}
		if unsettled {
			todo = append(todo, settlement{use: &Use{Key: key}, counter: c, period: c.period, count: c.unsettled})
		}
	}
	return todo
}
