package store

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

// gathering answers look-ups by key, with few queries when many come at once: those that come while
// a query is in flight wait, and go out together in the next one, as soon as that one is back.
//
// An answer is never older than its look-up: a query only answers look-ups that came before it was
// sent. So it shows all that was committed before the look-up began, like a query of its own.
type gathering[K comparable, V any] struct {
	// answer answers at most maxGathered look-ups: it sets the value or the error of each.
	answer func(ctx context.Context, lookups []*lookup[K, V])

	mu      sync.Mutex
	flying  int  // queries; one, but for slow ones
	crowded bool // many look-ups come at once
	waiting []*lookup[K, V]
	overdue *time.Timer
}

// lookup is one that waits.
type lookup[K comparable, V any] struct {
	ctx   context.Context //nolint:containedctx // It ends with the request that waits.
	key   K
	value V
	err   error
	done  chan struct{}
}

const (
	// maxGathered is how many look-ups go into one query.
	maxGathered = 64
	// patience is how long look-ups wait for a query in flight. Then another one takes off, so that
	// a connection that hangs or a database far away does not hold up everybody.
	patience = 20 * time.Millisecond
	// maxFlight limits a query that no single request can cancel. Requests give up long before.
	maxFlight = 30 * time.Second
)

// find looks key up.
func (g *gathering[K, V]) find(ctx context.Context, key K) (V, error) {
	l := &lookup[K, V]{ctx: ctx, key: key}
	g.mu.Lock()
	if g.flying == 0 && !g.crowded {
		g.flying++
		g.mu.Unlock()
		defer g.land()
		g.answer(ctx, []*lookup[K, V]{l})
		return l.value, l.err
	}
	l.done = make(chan struct{})
	g.waiting = append(g.waiting, l)
	if g.flying == 0 {
		g.flying++
		go g.fly()
	} else if len(g.waiting) == 1 {
		g.hurry()
	}
	g.mu.Unlock()
	select {
	case <-l.done:
		return l.value, l.err
	case <-ctx.Done():
		var none V
		return none, ctx.Err()
	}
}

// land ends a query, and lets those take off that wait for it.
func (g *gathering[K, V]) land() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.waiting) == 0 {
		g.flying--
		return
	}
	g.crowded = true
	go g.fly()
}

// hurry makes sure that those who wait take off before long.
func (g *gathering[K, V]) hurry() {
	if g.overdue != nil {
		g.overdue.Reset(patience)
		return
	}
	g.overdue = time.AfterFunc(patience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.waiting) > 0 {
			g.flying++
			go g.fly()
		}
	})
}

// fly sends a query for those who wait.
func (g *gathering[K, V]) fly() {
	runtime.Gosched() // Requests that are on their way to a look-up come along.
	defer g.land()
	if lookups := g.board(); len(lookups) > 0 {
		g.query(lookups)
	}
}

// board returns those who go next. Who has given up stays behind.
func (g *gathering[K, V]) board() []*lookup[K, V] {
	g.mu.Lock()
	defer g.mu.Unlock()
	waiting := slices.DeleteFunc(g.waiting, func(l *lookup[K, V]) bool { return l.ctx.Err() != nil })
	n := min(len(waiting), maxGathered)
	g.waiting = slices.Clone(waiting[n:])
	g.crowded = n > 1
	if len(g.waiting) > 0 {
		g.hurry()
	}
	return waiting[:n]
}

func (g *gathering[K, V]) query(lookups []*lookup[K, V]) {
	ctx, cancel := context.WithTimeout(context.Background(), maxFlight)
	defer cancel()
	defer func() {
		cause := recover() // No request's recover sees this goroutine.
		for _, l := range lookups {
			if cause != nil {
				l.err = fmt.Errorf("look-up panicked: %v", cause)
			}
			close(l.done)
		}
	}()
	g.answer(ctx, lookups)
}
