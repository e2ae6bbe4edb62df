package store

import (
	"context"
	"fmt"
	"math/bits"
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
	queries int  // sent so far
	current int  // the one in flight that others wait for, 0 for none. A late one is no longer current.
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
	// patience is how long look-ups wait for a query in flight. Then another one is sent, so that
	// a connection that hangs or a database far away does not hold up everybody.
	patience = 20 * time.Millisecond
	// queryTimeout limits a query that no single request can cancel. Requests give up long before.
	queryTimeout = 30 * time.Second
)

// sizes is how many texts a query has: for 1, 2, 4, … maxGathered look-ups. What is over is filled with
// repetitions of the last one, so that there are few texts to prepare.
const sizes = 7

// sizeOf returns which of them is for n look-ups.
func sizeOf(n int) int { return bits.Len(uint(n - 1)) }

// find looks key up.
func (g *gathering[K, V]) find(ctx context.Context, key K) (V, error) {
	l := &lookup[K, V]{ctx: ctx, key: key}
	g.mu.Lock()
	if g.current == 0 && !g.crowded {
		number := g.next()
		g.mu.Unlock()
		defer g.end(number)
		g.answer(ctx, []*lookup[K, V]{l})
		return l.value, l.err
	}
	l.done = make(chan struct{})
	g.waiting = append(g.waiting, l)
	if g.current == 0 {
		go g.run(g.next())
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

// next makes a new query the current one.
func (g *gathering[K, V]) next() int {
	g.queries++
	g.current = g.queries
	return g.current
}

// end ends a query, and sends the next one to those who wait for it. Nobody waits for a late one any
// more: it must not send another, or each delay would leave one more in flight for good.
func (g *gathering[K, V]) end(number int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if number != g.current {
		return
	}
	g.current = 0
	if len(g.waiting) > 0 {
		g.crowded = true
		go g.run(g.next())
	}
}

// hurry makes sure that those who wait go out before long.
func (g *gathering[K, V]) hurry() {
	if g.overdue != nil {
		g.overdue.Reset(patience)
		return
	}
	g.overdue = time.AfterFunc(patience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.waiting) > 0 {
			go g.run(g.next())
		}
	})
}

// run sends a query for those who wait.
func (g *gathering[K, V]) run(number int) {
	runtime.Gosched() // Requests that are on their way to a look-up come along.
	defer g.end(number)
	if lookups := g.take(); len(lookups) > 0 {
		g.query(lookups)
	}
}

// take returns those who go next. Who has given up stays behind.
func (g *gathering[K, V]) take() []*lookup[K, V] {
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
	ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
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
