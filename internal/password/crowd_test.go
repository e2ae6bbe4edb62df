package password

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
)

// TestCrowd takes slots while there are so many other requests, and looks whether half of them rest in the end.
func TestCrowd(t *testing.T) {
	threads := runtime.GOMAXPROCS(0)
	tests := map[string]struct {
		others int64 // besides the one that takes the slot
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
			others := tt.others
			h := New(Options{CheapForTests: true, InFlight: func() int64 { return 1 + others }})
			take := func() (half bool) {
				ctx, end := context.WithCancel(t.Context())
				slot, err := h.Acquire(ctx)
				if err != nil {
					t.Fatal(err)
				}
				half = slot.half
				slot.Release()
				end()
				synctest.Wait() // The end of the request is noticed.
				return half
			}
			var half bool
			for range tt.slots {
				half = take()
			}
			if half != tt.want {
				t.Errorf("half of the slots rest: %t, want %t", half, tt.want)
			}
			if got := runtime.GOMAXPROCS(0); got != threads {
				t.Errorf("%d threads, want %d: they are the process's", got, threads)
			}
			others = 0
			for range 30 {
				half = take()
			}
			if half {
				t.Error("half of the slots rest when the others have gone")
			}
		}))
	}
}

func inBubble(test func(t *testing.T)) func(t *testing.T) {
	return func(t *testing.T) { synctest.Test(t, test) }
}

// TestCrowdHalf shows that half of the slots rest while there is a crowd, and that who gives up waiting
// for one leaves nothing behind.
func TestCrowdHalf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		others := int64(30)
		h := New(Options{CheapForTests: true, Parallel: 4, InFlight: func() int64 { return others }})
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
			t.Errorf("%d of 4 slots in a crowd, want 2", len(slots))
		}
		cancel()
		synctest.Wait()
		for range 2 {
			(<-slots).Release()
		}
		others = 0
		for range 30 { // until the crowd is forgotten
			acquire(t.Context())
			(<-slots).Release()
		}
		for range 4 {
			go acquire(t.Context())
		}
		synctest.Wait()
		if len(slots) != 4 {
			t.Errorf("%d of 4 slots without a crowd, want 4", len(slots))
		}
		for range 4 {
			(<-slots).Release()
		}
	})
}
