package password

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
)

// ErrBusy says that all hashing slots are in use and the queue for them is full. A retry after a second may succeed.
var ErrBusy = errors.New("password: too many passwords to hash")

// limiter bounds how many passwords are hashed at once, and how many requests wait for that.
//
// A hash keeps a CPU busy for some 25 ms. With as many slots as CPUs, hashes would leave almost nothing to
// requests that need microseconds. So the limit is half the slots while the process serves other requests. The lower
// limit does not hold all the time, because hashes alone are slower with it.
type limiter struct {
	slots    chan struct{} // an element for each slot in use
	admitted chan struct{} // an element for each slot in use, and for each request in the queue
	half     chan struct{} // an element for each slot taken under the lower limit

	inFlight func() int64 // requests that the process serves
	hashing  atomic.Int64 // requests among them that came for a hash

	mu      sync.Mutex
	others  float64 // other requests in flight, averaged over the last few slots taken
	lowered bool    // whether the lower limit holds
}

// lowerAt is the number of other requests that lowers the limit. Fewer than half of that raise it again. A request
// for a hash counts among the others until it asks for its slot.
const lowerAt = 2

func newLimiter(parallel, queue int, inFlight func() int64) *limiter {
	return &limiter{
		slots:    make(chan struct{}, parallel),
		admitted: make(chan struct{}, parallel+queue),
		half:     make(chan struct{}, max(1, parallel/2)),
		inFlight: inFlight,
	}
}

// acquire waits for a slot and takes it. The result goes to release. The error is ErrBusy, at once, when the queue
// is full, or the error of ctx when that ends first.
func (l *limiter) acquire(ctx context.Context) (half bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	l.hashing.Add(1)
	context.AfterFunc(ctx, func() { l.hashing.Add(-1) })
	select {
	case l.admitted <- struct{}{}:
	default:
		return false, ErrBusy
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		<-l.admitted
		return false, ctx.Err()
	}
	if !l.isLowered() {
		return false, nil
	}
	select {
	case l.half <- struct{}{}:
		return true, nil
	case <-ctx.Done():
		l.release(false)
		return false, ctx.Err()
	}
}

// release frees a slot.
func (l *limiter) release(half bool) {
	if half {
		<-l.half
	}
	<-l.slots
	<-l.admitted
}

// isLowered counts the other requests in flight and reports whether the lower limit holds.
func (l *limiter) isLowered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.others += (float64(max(0, l.inFlight()-l.hashing.Load())) - l.others) / 8
	l.lowered = l.others >= lowerAt || l.lowered && l.others >= lowerAt/2
	return l.lowered
}
