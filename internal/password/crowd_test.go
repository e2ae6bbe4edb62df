package password

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

// TestCrowd takes slots while there are so many requests in flight, and looks at how many threads Go
// may run in the end. It is not parallel, since these are the whole process's.
func TestCrowd(t *testing.T) {
	normal := runtime.GOMAXPROCS(0)
	tests := map[string]struct {
		others int64 // besides the one that takes the slot
		slots  int
		want   int
	}{
		"alone":        {0, 20, normal},
		"one other":    {1, 20, normal},
		"some others":  {4, 20, threadsPerCPU * normal},
		"many at once": {30, 1, threadsPerCPU * normal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(Options{CheapForTests: true, InFlight: func() int64 { return 1 + tt.others }})
				take := func() {
					ctx, end := context.WithCancel(t.Context())
					slot, err := h.Acquire(ctx)
					if err != nil {
						t.Fatal(err)
					}
					slot.Release()
					end()
					synctest.Wait()
				}
				for range tt.slots {
					take()
				}
				if got := runtime.GOMAXPROCS(0); got != tt.want {
					t.Errorf("%d threads, want %d", got, tt.want)
				}
				<-time.After(lull / 2) // by the clock of the bubble
				take()                 // the next lull begins
				<-time.After(lull / 2) // by the clock of the bubble
				synctest.Wait()
				<-time.After(2 * lull) // by the clock of the bubble
				synctest.Wait()
				if got := runtime.GOMAXPROCS(0); got != normal {
					t.Errorf("%d threads long after, want %d", got, normal)
				}
			})
		})
	}
}

// TestCrowdGoes shows that more threads end while passwords are hashed, when the others have gone.
func TestCrowdGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		normal, others := runtime.GOMAXPROCS(0), int64(30)
		h := New(Options{CheapForTests: true, InFlight: func() int64 { return others }})
		for range 30 {
			slot, err := h.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			slot.Release()
			others = 0
		}
		if got := runtime.GOMAXPROCS(0); got != normal {
			t.Errorf("%d threads, want %d", got, normal)
		}
	})
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
		<-time.After(2 * lull) // by the clock of the bubble
	})
}
