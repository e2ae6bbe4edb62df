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
// a query is in flight wait, and go out together in the next one, as soon as that one is back or enough
// of them wait.
//
// An answer is never older than its look-up: a query only answers look-ups that came before it was
// sent. So it shows all that was committed before the look-up began, like a query of its own.
type gathering[K comparable, V any] struct {
	// answer answers at most maxGathered look-ups: it sets the value or the error of each.
	answer func(ctx context.Context, lookups []*lookup[K, V])
	// second lets a second query go out while one is in flight, for those of whom enough wait. Then
	// the processors have work while the database has some too: 8 % more requests each second.
	second bool

	mu       sync.Mutex
	inFlight int  // queries that others wait for. Late ones are not among them.
	epoch    int  // goes up when the queries in flight are late; those of an earlier one do not count
	crowded  bool // many look-ups come at once
	waiting  []*lookup[K, V]
	overdue  *time.Timer
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
	// share is how many go into one of two queries, unless more wait than both could take. PostgreSQL
	// takes three times as long for 32.
	share = 16
	// enough is how many look-ups are worth a second query.
	enough = share / 2
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
	if g.inFlight == 0 && !g.crowded {
		g.inFlight++
		epoch := g.epoch
		g.mu.Unlock()
		defer g.end(epoch)
		g.answer(ctx, []*lookup[K, V]{l})
		return l.value, l.err
	}
	l.done = make(chan struct{})
	g.waiting = append(g.waiting, l)
	if !g.trySend() && len(g.waiting) == 1 {
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

// trySend sends a query for those who wait, if it is time to, and reports whether it was.
func (g *gathering[K, V]) trySend() bool {
	if g.inFlight > 0 && (!g.second || g.inFlight > 1 || len(g.waiting) < enough) {
		return false
	}
	g.inFlight++
	go g.run(g.epoch)
	return true
}

// end ends a query of an epoch, and sends the next one to those who wait for it. Nobody waits for a late
// one any more: it must not send another, or each delay would leave one more in flight for good.
func (g *gathering[K, V]) end(epoch int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if epoch != g.epoch {
		return
	}
	g.inFlight--
	if len(g.waiting) > 0 {
		g.crowded = true
		g.trySend()
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
			g.epoch++
			g.inFlight = 0
			g.trySend()
		}
	})
}

// run sends a query for those who wait.
func (g *gathering[K, V]) run(epoch int) {
	runtime.Gosched() // Requests that are on their way to a look-up come along.
	defer g.end(epoch)
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
	if g.second && n <= 2*share {
		n = min(n, share)
	}
	g.waiting = slices.Clone(waiting[n:])
	if n > 0 { // otherwise another query has just taken them
		g.crowded = n > 1
	}
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
