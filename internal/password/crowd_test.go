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
				time.Sleep(lull / 2)
				take() // the next lull begins
				time.Sleep(lull / 2)
				synctest.Wait()
				time.Sleep(2 * lull)
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
