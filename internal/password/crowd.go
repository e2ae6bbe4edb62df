package password

import (
	"context"
	"sync"
	"sync/atomic"
)

// crowd lets hashes and other requests share the CPUs. A hash keeps a CPU busy for some 25 ms, and as many
// of them as there are CPUs run at once, which would leave next to nothing to requests that need
// microseconds. So while there are other requests beside the hashes, half of the slots rest. It is not so
// all the time because hashes alone lose by it.
type crowd struct {
	inFlight func() int64  // requests that the process serves
	hashing  atomic.Int64  // those of them that came for a hash
	half     chan struct{} // holds an element for each slot that was taken in a crowd

	mu      sync.Mutex
	others  float64 // requests that did not come for a hash, averaged over the last few slots taken
	crowded bool
}

// manyOthers is from how many other requests on half of the slots rest, until there are fewer than half as
// many. Requests for a hash count as others until they ask for their slot.
const manyOthers = 2

// expect counts the request of ctx among those that came for a hash, until it ends.
func (c *crowd) expect(ctx context.Context) {
	c.hashing.Add(1)
	context.AfterFunc(ctx, func() { c.hashing.Add(-1) })
}

// enter is called when a slot is taken, and waits while too many are for the crowd there is. It says
// whether the slot is one of the half; leave wants to know. The error is that of ctx.
func (c *crowd) enter(ctx context.Context) (half bool, err error) {
	if !c.look() {
		return false, nil
	}
	select {
	case c.half <- struct{}{}:
		return true, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// look reports whether there is a crowd.
func (c *crowd) look() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.others += (float64(max(0, c.inFlight()-c.hashing.Load())) - c.others) / 8
	c.crowded = c.others >= manyOthers || c.crowded && c.others >= manyOthers/2
	return c.crowded
}

// leave is called when a slot is given back.
func (c *crowd) leave(half bool) {
	if half {
		<-c.half
	}
}
