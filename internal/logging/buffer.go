package logging

import (
	"io"
	"sync"
	"time"
)

// buffer writes the lines of a log in batches. It writes the first line at once and starts a delay of
// maxDelay. Lines that follow during the delay are written together at its end. It is safe for concurrent use.
//
// Without it, threads that write to the same file wait for each other in the kernel, which slows requests down.
type buffer struct {
	to io.Writer

	mu       sync.Mutex
	delaying bool
	stopped  bool
	pending  []byte
}

const (
	// maxDelay is the maximum time until a line is written. Pending lines are lost if the process is killed.
	maxDelay = 10 * time.Millisecond
	// maxPending is the size of pending lines in bytes at which they are written without delay.
	maxPending = 256 << 10
)

// Write implements io.Writer. The error may be of earlier lines.
func (b *buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pending = append(b.pending, line...)
	if b.delaying && !b.stopped && len(b.pending) < maxPending {
		return len(line), nil
	}
	if !b.delaying && !b.stopped {
		b.delaying = true
		time.AfterFunc(maxDelay, b.endDelay)
	}
	return len(line), b.write()
}

// endDelay writes the pending lines. If there are any, the next delay starts.
func (b *buffer) endDelay() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.delaying = len(b.pending) > 0; b.delaying {
		time.AfterFunc(maxDelay, b.endDelay)
		_ = b.write() // only the log could report the error
	}
}

// flush writes the pending lines.
func (b *buffer) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	_ = b.write() // as in endDelay
}

// stop writes the pending lines. Later lines are written at once.
func (b *buffer) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stopped = true
	_ = b.write()
}

func (b *buffer) write() error {
	if len(b.pending) == 0 {
		return nil
	}
	_, err := b.to.Write(b.pending)
	b.pending = b.pending[:0]
	return err
}
