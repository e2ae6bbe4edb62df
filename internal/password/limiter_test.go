package password

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"testing"
	"testing/synctest"

	"usher/internal/observe"
)

// TestLimiter takes slots while other requests are in flight, and checks whether the last one is under the lower limit.
func TestLimiter(t *testing.T) {
	threads := runtime.GOMAXPROCS(0)
	tests := map[string]struct {
		others int // in flight, besides the one that takes the slot
		slots  int
		want   bool
	}{
		"alone":        {0, 20, false},
		"one other":    {1, 20, false},
		"some others":  {4, 20, true},
		"many at once": {30, 1, true},
	}
	for name, tt := range tests {
		t.Run(name, inBubble(func(t *testing.T) {
			observer := observe.New(observe.Options{Log: slog.New(slog.DiscardHandler)})
			observer.BeginRequest() // the one that takes slots
			begin(observer, tt.others)
			h := New(Options{CheapForTests: true, Observer: observer})
			take := func() (half bool) {
				ctx, cancel := context.WithCancel(t.Context())
				slot, err := h.Acquire(ctx)
				if err != nil {
					t.Fatal(err)
				}
				half = slot.taken.half
				slot.Release()
				cancel()
				synctest.Wait() // for the limiter to see the end of the request
				return half
			}
			var half bool
			for range tt.slots {
				half = take()
			}
			if half != tt.want {
				t.Errorf("under the lower limit: %t, want %t", half, tt.want)
			}
			if got := runtime.GOMAXPROCS(0); got != threads {
				t.Errorf("GOMAXPROCS = %d, want %d: no package below the program sets it", got, threads)
			}
			end(observer, tt.others)
			for range 30 {
				half = take()
			}
			if half {
				t.Error("under the lower limit when the others have gone")
			}
		}))
	}
}

// begin and end change how many requests are in flight.
func begin(o *observe.Observer, requests int) {
	for range requests {
		o.BeginRequest()
	}
}

func end(o *observe.Observer, requests int) {
	for range requests {
		o.EndRequest()
	}
}

func inBubble(test func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) { synctest.Test(t, test) }
}

// TestLimiterHalf shows that half of the slots stay free while other requests are in flight, and that requests that
// give up waiting release what they took.
func TestLimiterHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const others = 30
		observer := observe.New(observe.Options{Log: slog.New(slog.DiscardHandler)})
		begin(observer, others)
		h := New(Options{CheapForTests: true, Parallel: 4, Observer: observer})
		slots := make(chan *Slot, 4)
		acquire := func(ctx context.Context) {
			if slot, err := h.Acquire(ctx); err == nil {
				slots <- slot
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		for range 4 {
			go acquire(ctx)
		}
		synctest.Wait()
		if len(slots) != 2 {
			t.Errorf("%d of 4 slots while there are other requests, want 2", len(slots))
		}
		cancel()
		synctest.Wait()
		for range 2 {
			(<-slots).Release()
		}
		end(observer, others)
		for range 30 { // until the average is low again
			acquire(t.Context())
			(<-slots).Release()
		}
		for range 4 {
			go acquire(t.Context())
		}
		synctest.Wait()
		if len(slots) != 4 {
			t.Errorf("%d of 4 slots without other requests, want 4", len(slots))
		}
		for range 4 {
			(<-slots).Release()
		}
	})
}

// TestLimiterReserved fills the queue. Requests with reserved places still get in, up to their number.
func TestLimiterReserved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const queue = 8
		h := New(Options{CheapForTests: true, Parallel: 1, Queue: queue})
		ctx, cancel := context.WithCancel(t.Context())
		first, err := h.Acquire(ctx)
		if err != nil {
			t.Fatal(err)
		}
		results := make(chan error, 2*queue)
		wait := func(acquire func(context.Context) (*Slot, error)) {
			go func() {
				slot, err := acquire(ctx)
				if err == nil {
					slot.Release()
				}
				results <- err
			}()
			synctest.Wait()
		}
		for range queue {
			wait(h.Acquire)
		}
		for range queue / reservedPart {
			wait(h.AcquireReserved)
		}
		if len(results) != 0 {
			t.Fatalf("%d requests did not wait: %v", len(results), <-results)
		}
		if got, want := h.Usage(), (Usage{InUse: 1, Slots: 1, Queued: queue + queue/reservedPart, QueueLimit: queue}); got != want {
			t.Errorf("the usage is %+v, want %+v", got, want)
		}
		wait(h.Acquire)
		wait(h.AcquireReserved)
		for range 2 {
			if err := <-results; !errors.Is(err, ErrBusy) {
				t.Errorf("over the queue: %v", err)
			}
		}
		first.Release()
		for range queue + queue/reservedPart {
			if err := <-results; err != nil {
				t.Error(err)
			}
		}
		cancel()
		synctest.Wait()
		if n := len(h.limiter.admitted) + len(h.limiter.reserved) + len(h.limiter.slots); n != 0 {
			t.Errorf("%d places are still taken", n)
		}
	})
}
