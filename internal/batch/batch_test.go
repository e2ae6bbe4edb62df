package batch

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// numbers answers each number with its text.
func numbers(keys []int) []Result[string] {
	results := make([]Result[string], len(keys))
	for i, key := range keys {
		results[i].Value = strconv.Itoa(key)
	}
	return results
}

// TestBatches makes calls while a query is in flight, and counts how they are sent.
func TestBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sizes []int
		back := make(chan struct{})
		b := New(func(ctx context.Context, keys []int) []Result[string] {
			sizes = append(sizes, len(keys))
			<-back
			return numbers(keys)
		})
		var requests sync.WaitGroup
		do := func(key int) {
			requests.Go(func() {
				if v, err := b.Do(t.Context(), key); v != strconv.Itoa(key) || err != nil {
					t.Errorf("%d: %q, %v", key, v, err)
				}
			})
		}
		do(0)
		synctest.Wait()
		for key := range MaxSize + 2 {
			do(key)
		}
		for range 3 {
			synctest.Wait()
			back <- struct{}{}
		}
		requests.Wait()
		if want := []int{1, MaxSize, 2}; !slices.Equal(sizes, want) {
			t.Errorf("queries of %v calls, want %v", sizes, want)
		}
		synctest.Wait()
		if b.inFlight != 0 || len(b.waiting) != 0 {
			t.Errorf("query %d is in flight and %d calls wait at the end", b.inFlight, len(b.waiting))
		}
	})
}

// TestOverdue checks that a hanging query delays only the calls of its own batch.
func TestOverdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := errors.New("hangs")
		b := New(func(ctx context.Context, keys []int) []Result[string] {
			if keys[0] == 0 {
				<-ctx.Done()
				return []Result[string]{{Err: hangs}}
			}
			return numbers(keys)
		})
		ctx, cancel := context.WithCancel(t.Context())
		stuck := make(chan error)
		go func() {
			_, err := b.Do(ctx, 0)
			stuck <- err
		}()
		synctest.Wait()
		start := time.Now()
		for key := 1; key < 4; key++ {
			if v, err := b.Do(t.Context(), key); v != strconv.Itoa(key) || err != nil {
				t.Errorf("%d: %q, %v", key, v, err)
			}
		}
		if waited := time.Since(start); waited > 3*maxWait {
			t.Errorf("three calls waited %v for a hanging query", waited)
		}
		cancel()
		if err := <-stuck; !errors.Is(err, hangs) {
			t.Errorf("got %v", err)
		}
	})
}

// TestLate checks that the return of a late query does not send another one.
func TestLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inFlight, most atomic.Int64
		back := make(chan struct{})
		b := New(func(ctx context.Context, keys []int) []Result[string] {
			most.Store(max(most.Load(), inFlight.Add(1)))
			defer inFlight.Add(-1)
			if keys[0] == 0 {
				<-back
			} else {
				<-time.After(maxWait / 2)
			}
			return numbers(keys)
		})
		var requests sync.WaitGroup
		do := func(key int) {
			requests.Go(func() {
				if _, err := b.Do(t.Context(), key); err != nil {
					t.Error(err)
				}
			})
		}
		do(0)
		synctest.Wait()
		do(1)
		<-time.After(maxWait + time.Millisecond) // makes the first query late
		if n := most.Load(); n != 2 {
			t.Errorf("%d queries in flight while one is late, want 2", n)
		}
		for key := range 3 * MaxSize {
			do(key + 2)
		}
		close(back)
		synctest.Wait()
		most.Store(0)
		requests.Wait()
		if n := most.Load(); n != 1 {
			t.Errorf("%d queries in flight after the late one returned, want 1", n)
		}
	})
}

// TestCancelled checks that a call returns when its request ends, and that no query has its key.
func TestCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		b := New(func(ctx context.Context, keys []int) []Result[string] {
			<-back
			if slices.Contains(keys, 2) {
				t.Error("the query has the key of a cancelled call")
			}
			return numbers(keys)
		})
		go func() { _, _ = b.Do(t.Context(), 1) }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := b.Do(ctx, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		close(back)
		if v, err := b.Do(t.Context(), 3); v != "3" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
	})
}

// TestPanic checks that a panic fails only the calls of its query.
func TestPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		b := New(func(ctx context.Context, keys []int) []Result[string] {
			<-back
			if keys[0] == 0 {
				panic("no zero")
			}
			return numbers(keys)
		})
		go func() { _, _ = b.Do(t.Context(), 1) }()
		synctest.Wait()
		failed := make(chan error)
		go func() {
			_, err := b.Do(t.Context(), 0)
			failed <- err
		}()
		synctest.Wait()
		close(back)
		if err := <-failed; err == nil || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("got %v", err)
		}
		if v, err := b.Do(t.Context(), 2); v != "2" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
	})
}

// TestFresh looks up a version while it increases. No call may return a version older than the call.
func TestFresh(t *testing.T) {
	t.Parallel()
	var version atomic.Int64
	b := New(func(_ context.Context, keys []int) []Result[int64] {
		return slices.Repeat([]Result[int64]{{Value: version.Load()}}, len(keys))
	})
	var requests sync.WaitGroup
	for range 32 {
		requests.Go(func() {
			for range 2000 {
				before := version.Add(1)
				if v, err := b.Do(t.Context(), 0); v < before || err != nil {
					t.Errorf("got version %d, %v; it was %d before the call", v, err, before)
					return
				}
			}
		})
	}
	requests.Wait()
}

// TestUnanswered makes a query return too few or too many results. No call may get the result of another.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(keys []int) []Result[string]{
		"none":     func([]int) []Result[string] { return nil },
		"too few":  func(keys []int) []Result[string] { return numbers(keys[1:]) },
		"too many": func(keys []int) []Result[string] { return numbers(append(keys, 0)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				back := make(chan struct{})
				b := New(func(_ context.Context, keys []int) []Result[string] {
					<-back
					if len(keys) == 1 {
						return numbers(keys)
					}
					return wrong(keys)
				})
				var requests sync.WaitGroup
				requests.Go(func() { _, _ = b.Do(t.Context(), 0) })
				synctest.Wait()
				for key := range 2 {
					requests.Go(func() {
						if v, err := b.Do(t.Context(), key); v != "" || !errors.Is(err, errUnanswered) {
							t.Errorf("%d: %q, %v", key, v, err)
						}
					})
				}
				synctest.Wait()
				close(back)
				requests.Wait()
			})
		})
	}
}

// TestMembers checks that the context of a query contains the contexts of its calls.
func TestMembers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type traceKey struct{}
		back := make(chan struct{})
		b := New(func(ctx context.Context, keys []int) []Result[string] {
			<-back
			members := Members(ctx)
			if len(keys) == 1 && keys[0] == 0 {
				members = []context.Context{ctx}
			}
			var traces []int
			for _, member := range members {
				traces = append(traces, member.Value(traceKey{}).(int))
			}
			if !slices.Equal(traces, keys) {
				t.Errorf("the query for %v has the contexts of %v", keys, traces)
			}
			if ctx.Err() != nil {
				t.Errorf("the query for %v was cancelled with one of its calls", keys)
			}
			return numbers(keys)
		})
		var requests sync.WaitGroup
		do := func(ctx context.Context, key int) {
			requests.Go(func() { _, _ = b.Do(context.WithValue(ctx, traceKey{}, key), key) })
		}
		do(t.Context(), 0)
		synctest.Wait()
		do(t.Context(), 1)
		do(t.Context(), 2)
		synctest.Wait()
		back <- struct{}{}
		synctest.Wait() // until the query for 1 and 2 is sent
		ctx, cancel := context.WithCancel(t.Context())
		do(ctx, 3)
		synctest.Wait()
		back <- struct{}{}
		synctest.Wait() // until the query for 3 is sent
		cancel()
		back <- struct{}{}
		requests.Wait()
	})
}
