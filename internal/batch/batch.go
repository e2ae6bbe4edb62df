// Package batch owns the batching of queries: calls made while a query is in flight share the next query.
package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"
)

const (
	// MaxSize is the maximum number of calls in a batch.
	MaxSize = 64
	// maxWait limits how long calls wait for a query in flight. After that the next query is sent, so that a
	// hanging connection or a distant database does not delay all calls.
	maxWait = 20 * time.Millisecond
	// timeout limits a query for several calls, because no single call may cancel it. Requests time out long
	// before.
	timeout = 30 * time.Second
)

// Result is the outcome of one call.
type Result[V any] struct {
	Value V
	Err   error
}

// Query answers the calls of a batch: it returns one result for each key, in the same order.
type Query[K, V any] func(ctx context.Context, keys []K) []Result[V]

// Batcher sends calls in batches. It is in one of three states:
//
//	idle     No query is in flight. A call sends the next query: busy.
//	busy     A query is in flight and no call waits. A call waits: queued. The query returns: idle.
//	queued   A query is in flight and calls wait. The query returns, or maxWait passes: the next query is
//	         sent, and the state is busy, or queued if some are left. After maxWait the calls that wait do
//	         not wait for the late query any more, so its return changes nothing.
//
// The next query takes up to MaxSize of the calls that wait. If that is only the call that sends it, it runs
// in the goroutine and the context of that call, and otherwise in its own.
//
// A result is never older than its call. A batch contains only calls that were made before its query was
// sent, so each sees everything that was committed before it, as with a query of its own.
type Batcher[K, V any] struct {
	query Query[K, V]

	mu       sync.Mutex
	inFlight uint64 // number of the query that calls wait for; 0 when idle
	sent     uint64 // number of queries so far
	waiting  []*call[K, V]
	timer    *time.Timer
}

type call[K, V any] struct {
	ctx    context.Context //nolint:containedctx // It ends with the waiting request.
	key    K
	result chan Result[V]
}

// New returns a Batcher for a query.
func New[K, V any](query Query[K, V]) *Batcher[K, V] {
	return &Batcher[K, V]{query: query}
}

// Do returns the result for a key, or an error when ctx ends. It lasts as long as the call waits and its
// query runs, so a span around it covers both.
func (b *Batcher[K, V]) Do(ctx context.Context, key K) (V, error) {
	c := &call[K, V]{ctx: ctx, key: key, result: make(chan Result[V], 1)}
	if n := b.add(c); n > 0 {
		calls := b.take()
		if len(calls) == 1 && calls[0] == c {
			defer b.returned(n)
			r := b.query(ctx, []K{key})[0]
			return r.Value, r.Err
		}
		go b.answer(n, calls)
	}
	select {
	case r := <-c.result:
		return r.Value, r.Err
	case <-ctx.Done():
		var zero V
		return zero, ctx.Err()
	}
}

// add makes a call wait. When idle, it returns the number of the query that the caller has to send.
func (b *Batcher[K, V]) add(c *call[K, V]) (n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, c)
	if b.inFlight == 0 {
		return b.next()
	}
	if len(b.waiting) == 1 {
		b.startTimer()
	}
	return 0
}

// next makes a new query the one that calls wait for, and returns its number. It needs mu.
func (b *Batcher[K, V]) next() uint64 {
	b.sent++
	b.inFlight = b.sent
	return b.sent
}

// returned ends the wait for query n. If that query was late, calls wait for another one.
func (b *Batcher[K, V]) returned(n uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n == b.inFlight {
		b.inFlight = 0
		b.sendWaiting()
	}
}

// sendWaiting sends the next query if calls wait. It needs mu.
func (b *Batcher[K, V]) sendWaiting() {
	if len(b.waiting) > 0 {
		n := b.next()
		go func() { b.answer(n, b.take()) }()
	}
}

// startTimer sends the next query after maxWait. It needs mu.
func (b *Batcher[K, V]) startTimer() {
	if b.timer != nil {
		b.timer.Reset(maxWait)
		return
	}
	b.timer = time.AfterFunc(maxWait, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.sendWaiting()
	})
}

// take removes the calls of the next query from the waiting ones. It drops calls whose request has ended.
func (b *Batcher[K, V]) take() []*call[K, V] {
	runtime.Gosched() // Lets requests that are about to make a call join the batch.
	b.mu.Lock()
	defer b.mu.Unlock()
	waiting := slices.DeleteFunc(b.waiting, func(c *call[K, V]) bool { return c.ctx.Err() != nil })
	n := min(len(waiting), MaxSize)
	b.waiting = slices.Clone(waiting[n:])
	if len(b.waiting) > 0 {
		b.startTimer()
	}
	return waiting[:n]
}

// answer runs query n for calls.
func (b *Batcher[K, V]) answer(n uint64, calls []*call[K, V]) {
	defer b.returned(n)
	if len(calls) == 0 {
		return
	}
	keys, members := make([]K, len(calls)), make([]context.Context, len(calls))
	for i, c := range calls {
		keys[i], members[i] = c.key, c.ctx
	}
	ctx, cancel := context.WithTimeout(context.WithValue(context.Background(), membersKey{}, members), timeout)
	defer cancel()
	results, err := []Result[V](nil), errUnanswered
	defer func() {
		if cause := recover(); cause != nil { // The recover of a request does not cover this goroutine.
			err = fmt.Errorf("the query of a batch panicked: %v", cause)
		}
		for i, c := range calls {
			if len(results) == len(calls) {
				c.result <- results[i]
			} else {
				c.result <- Result[V]{Err: err}
			}
		}
	}()
	results = b.query(ctx, keys)
}

// errUnanswered means that a Query did not return one result for each key.
var errUnanswered = errors.New("the query of a batch did not return one result for each key")

type membersKey struct{}

// Members returns the contexts of the calls that share the query of ctx. A tracer links the query to them.
// It is empty if the query answers a single call, whose context it has.
func Members(ctx context.Context) []context.Context {
	members, _ := ctx.Value(membersKey{}).([]context.Context)
	return members
}
