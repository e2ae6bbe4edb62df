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
	reserved chan struct{} // the same for requests with a reserved place that came when admitted was full
	half     chan struct{} // an element for each slot taken under the lower limit

	inFlight func() int64 // requests that the process serves
	hashing  atomic.Int64 // requests among them that came for a hash

	mu      sync.Mutex
	others  float64 // other requests in flight, averaged over the last few slots taken
	lowered bool    // whether the lower limit holds
}

// reservedPart is by how much the queue is longer for requests with a reserved place: a quarter.
const reservedPart = 4

// lowerAt is the number of other requests that lowers the limit. Fewer than half of that raise it again. A request
// for a hash counts among the others until it asks for its slot.
const lowerAt = 2

func newLimiter(parallel, queue int, inFlight func() int64) *limiter {
	return &limiter{
		slots:    make(chan struct{}, parallel),
		admitted: make(chan struct{}, parallel+queue),
		reserved: make(chan struct{}, max(1, queue/reservedPart)),
		half:     make(chan struct{}, max(1, parallel/2)),
		inFlight: inFlight,
	}
}

// taken is a slot that is in use.
type taken struct {
	place chan struct{} // admitted or reserved
	half  bool          // under the lower limit
}

// acquire waits for a slot and takes it. The result goes to release. The error is ErrBusy, at once, when the queue
// is full, or the error of ctx when that ends first.
func (l *limiter) acquire(ctx context.Context, reserved bool) (*taken, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	l.hashing.Add(1)
	context.AfterFunc(ctx, func() { l.hashing.Add(-1) })
	t, err := l.enter(reserved)
	if err != nil {
		return nil, err
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		<-t.place
		return nil, ctx.Err()
	}
	if !l.isLowered() {
		return t, nil
	}
	select {
	case l.half <- struct{}{}:
		t.half = true
		return t, nil
	case <-ctx.Done():
		l.release(t)
		return nil, ctx.Err()
	}
}

// enter takes a place in the queue.
func (l *limiter) enter(reserved bool) (*taken, error) {
	select {
	case l.admitted <- struct{}{}:
		return &taken{place: l.admitted}, nil
	default:
	}
	if reserved {
		select {
		case l.reserved <- struct{}{}:
			return &taken{place: l.reserved}, nil
		default:
		}
	}
	return nil, ErrBusy
}

// release frees a slot.
func (l *limiter) release(t *taken) {
	if t.half {
		<-l.half
	}
	<-l.slots
	<-t.place
}

// isLowered counts the other requests in flight and reports whether the lower limit holds.
func (l *limiter) isLowered() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.others += (float64(max(0, l.inFlight()-l.hashing.Load())) - l.others) / 8
	l.lowered = l.others >= lowerAt || l.lowered && l.others >= lowerAt/2
	return l.lowered
}

func (l *limiter) usage() Usage {
	inUse, entered := len(l.slots), len(l.admitted)+len(l.reserved)
	return Usage{
		InUse: inUse, Slots: cap(l.slots),
		Queued: max(entered-inUse, 0), QueueLimit: cap(l.admitted) - cap(l.slots),
	}
}
