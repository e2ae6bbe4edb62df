package password

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// crowd lets hashes and other requests share the CPUs.
//
// A hash keeps a CPU busy for some 25 ms, and as many of them as there are CPUs run at once. As
// goroutines on as many threads they leave little to the others: Go takes a thread from a goroutine
// after 10 ms only, and a request needs microseconds. But the operating system shares the CPUs fairly
// between threads. So while there are other requests beside the hashes, there are twice as many
// threads, and half of the slots rest: during a flood of logins the others keep three fifths of their
// throughput then, and a sixth without. It is not so all the time because hashes alone lose by it.
type crowd struct {
	inFlight func() int64  // requests that the process serves
	hashing  atomic.Int64  // those of them that came for a hash
	half     chan struct{} // holds an element for each slot that was taken in a crowd

	mu      sync.Mutex
	running int     // slots in use
	others  float64 // requests that did not come for a hash, averaged over the last few slots taken
	shares  bool    // there are more threads than CPUs
}

const (
	threadsPerCPU = 2
	// There are more threads from so many other requests on, until there are fewer than half as many.
	// Requests for a hash count as others until they ask for their slot.
	manyOthers = 2
	// lull is how long no slot is in use before the threads are as many as the CPUs again. Each change
	// stops the process for some microseconds.
	lull = time.Second
)

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
		c.leave(false)
		return false, ctx.Err()
	}
}

// look counts a slot, and reports whether there is a crowd.
func (c *crowd) look() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running++
	c.others += (float64(max(0, c.inFlight()-c.hashing.Load())) - c.others) / 8
	c.share(c.others >= manyOthers || c.shares && c.others >= manyOthers/2)
	return c.shares
}

// leave is called when a slot is given back.
func (c *crowd) leave(half bool) {
	if half {
		<-c.half
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running--
	if c.running == 0 && c.shares {
		time.AfterFunc(lull, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.running == 0 {
				c.share(false)
			}
		})
	}
}

func (c *crowd) share(on bool) {
	switch {
	case on && !c.shares:
		runtime.GOMAXPROCS(threadsPerCPU * runtime.GOMAXPROCS(0))
	case !on && c.shares:
		runtime.SetDefaultGOMAXPROCS()
	}
	c.shares = on
}
