package store

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

// numbers answers the look-up of a number with its text.
func numbers(_ context.Context, lookups []*lookup[int, string]) {
	for _, l := range lookups {
		l.value = strconv.Itoa(l.key)
	}
}

// TestGather sends look-ups while a query is in flight, and counts how they go.
func TestGather(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var queries []int
		back := make(chan struct{})
		g := &gathering[int, string]{answer: func(ctx context.Context, lookups []*lookup[int, string]) {
			queries = append(queries, len(lookups))
			<-back
			numbers(ctx, lookups)
		}}
		var requests sync.WaitGroup
		find := func(key int) {
			requests.Go(func() {
				if v, err := g.find(t.Context(), key); v != strconv.Itoa(key) || err != nil {
					t.Errorf("%d: %q, %v", key, v, err)
				}
			})
		}
		find(0)
		synctest.Wait()
		for key := range maxGathered + 2 {
			find(key)
		}
		for range 3 {
			synctest.Wait()
			back <- struct{}{}
		}
		requests.Wait()
		if want := []int{1, maxGathered, 2}; !slices.Equal(queries, want) {
			t.Errorf("queries of %v, want %v", queries, want)
		}
		synctest.Wait()
		if g.inFlight != 0 || len(g.waiting) != 0 {
			t.Errorf("%d queries in flight and %d waiting at the end", g.inFlight, len(g.waiting))
		}
	})
}

// TestGatherSecond shows that a second query goes out when enough wait for the first, and no third one.
func TestGatherSecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var queries []int
		back := make(chan struct{})
		g := &gathering[int, string]{second: true, answer: func(ctx context.Context, lookups []*lookup[int, string]) {
			mu.Lock()
			queries = append(queries, len(lookups))
			mu.Unlock()
			<-back
			numbers(ctx, lookups)
		}}
		var requests sync.WaitGroup
		find := func(n int) {
			for key := range n {
				requests.Go(func() {
					if v, err := g.find(t.Context(), key); v != strconv.Itoa(key) || err != nil {
						t.Errorf("%d: %q, %v", key, v, err)
					}
				})
			}
			synctest.Wait()
		}
		sent := func(want ...int) {
			t.Helper()
			synctest.Wait()
			if !slices.Equal(queries, want) {
				t.Errorf("queries of %v, want %v", queries, want)
			}
		}
		find(1)
		find(enough - 1)
		sent(1)
		find(1)
		sent(1, enough)
		find(enough - 1)
		sent(1, enough)
		back <- struct{}{}
		sent(1, enough) // one is still in flight, and too few wait for another
		find(1)
		sent(1, enough, enough)
		find(enough + 1)
		sent(1, enough, enough)
		back <- struct{}{}
		sent(1, enough, enough, enough+1)
		close(back)
		requests.Wait()
		synctest.Wait()
		if g.inFlight != 0 || len(g.waiting) != 0 {
			t.Errorf("%d queries in flight and %d waiting at the end", g.inFlight, len(g.waiting))
		}
	})
}

// TestGatherOverdue shows that a query that does not come back holds up those that came with it only.
func TestGatherOverdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hangs := errors.New("hangs")
		g := &gathering[int, string]{answer: func(ctx context.Context, lookups []*lookup[int, string]) {
			if lookups[0].key == 0 {
				<-ctx.Done()
				lookups[0].err = hangs
				return
			}
			numbers(ctx, lookups)
		}}
		ctx, cancel := context.WithCancel(t.Context())
		stuck := make(chan error)
		go func() {
			_, err := g.find(ctx, 0)
			stuck <- err
		}()
		synctest.Wait()
		start := time.Now()
		for key := 1; key < 4; key++ {
			if v, err := g.find(t.Context(), key); v != strconv.Itoa(key) || err != nil {
				t.Errorf("%d: %q, %v", key, v, err)
			}
		}
		if waited := time.Since(start); waited > 3*patience {
			t.Errorf("three look-ups waited %v for a query that hangs", waited)
		}
		cancel()
		if err := <-stuck; !errors.Is(err, hangs) {
			t.Errorf("got %v", err)
		}
	})
}

// TestGatherLate shows that a late query, when it is back at last, leaves one query in flight and not two.
func TestGatherLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var inFlight, most atomic.Int64
		back := make(chan struct{})
		g := &gathering[int, string]{answer: func(ctx context.Context, lookups []*lookup[int, string]) {
			most.Store(max(most.Load(), inFlight.Add(1)))
			defer inFlight.Add(-1)
			if lookups[0].key == 0 {
				<-back
			} else {
				<-time.After(patience / 2)
			}
			numbers(ctx, lookups)
		}}
		var requests sync.WaitGroup
		find := func(key int) {
			requests.Go(func() {
				if _, err := g.find(t.Context(), key); err != nil {
					t.Error(err)
				}
			})
		}
		find(0)
		synctest.Wait()
		find(1)
		<-time.After(patience + time.Millisecond) // the first one is late now
		if n := most.Load(); n != 2 {
			t.Errorf("%d queries in flight while one is late, want 2", n)
		}
		for key := range 3 * maxGathered {
			find(key + 2)
		}
		close(back)
		synctest.Wait()
		most.Store(0)
		requests.Wait()
		if n := most.Load(); n != 1 {
			t.Errorf("%d queries in flight after the late one was back, want 1", n)
		}
	})
}

// TestGatherCancelled shows that a request that ends does not wait, and is not waited for.
func TestGatherCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		g := &gathering[int, string]{answer: func(ctx context.Context, lookups []*lookup[int, string]) {
			<-back
			for _, l := range lookups {
				if l.key == 2 {
					t.Error("asked for one who has given up")
				}
			}
			numbers(ctx, lookups)
		}}
		go func() { _, _ = g.find(t.Context(), 1) }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := g.find(ctx, 2); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		close(back)
		if v, err := g.find(t.Context(), 3); v != "3" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
	})
}

// TestGatherPanic shows that a panic fails those who waited for the query, and nobody else.
func TestGatherPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		back := make(chan struct{})
		g := &gathering[int, string]{answer: func(ctx context.Context, lookups []*lookup[int, string]) {
			<-back
			if lookups[0].key == 0 {
				panic("no zero")
			}
			numbers(ctx, lookups)
		}}
		go func() { _, _ = g.find(t.Context(), 1) }()
		synctest.Wait()
		failed := make(chan error)
		go func() {
			_, err := g.find(t.Context(), 0)
			failed <- err
		}()
		synctest.Wait()
		close(back)
		if err := <-failed; err == nil || !strings.Contains(err.Error(), "panicked") {
			t.Errorf("got %v", err)
		}
		if v, err := g.find(t.Context(), 2); v != "2" || err != nil {
			t.Errorf("got %q, %v", v, err)
		}
	})
}

// TestGatherFresh looks a version up while it grows: nobody may see an older one than there was when
// they asked.
func TestGatherFresh(t *testing.T) {
	t.Parallel()
	for _, second := range []bool{false, true} {
		testGatherFresh(t, second)
	}
}

func testGatherFresh(t *testing.T, second bool) {
	t.Helper()
	var version atomic.Int64
	g := &gathering[int, int64]{second: second, answer: func(_ context.Context, lookups []*lookup[int, int64]) {
		v := version.Load()
		for _, l := range lookups {
			l.value = v
		}
	}}
	var requests sync.WaitGroup
	for range 32 {
		requests.Go(func() {
			for range 2000 {
				before := version.Add(1)
				if v, err := g.find(t.Context(), 0); v < before || err != nil {
					t.Errorf("got version %d, %v; there was %d before", v, err, before)
					return
				}
			}
		})
	}
	requests.Wait()
}
