package config

import (
	"io"
	"sync"
	"time"
)

// Lines writes lines of a log, many at once when many come: one that comes alone is written at once,
// those that come within pause after it together at its end. It is safe for concurrent use.
//
// Threads that write to one file wait for each other in the kernel, which costs requests.
type Lines struct {
	to io.Writer

	mu      sync.Mutex
	pausing bool
	closed  bool
	waiting []byte
}

const (
	// pause is how long a line waits at most, and so what is lost when the process ends without Close.
	pause = 10 * time.Millisecond
	// maxWaiting is the size from which lines do not wait any longer, in bytes.
	maxWaiting = 256 << 10
)

// Write implements io.Writer. The error may be that of lines that came before.
func (l *Lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waiting = append(l.waiting, line...)
	if l.pausing && !l.closed && len(l.waiting) < maxWaiting {
		return len(line), nil
	}
	if !l.pausing && !l.closed {
		l.pausing = true
		time.AfterFunc(pause, l.resume)
	}
	return len(line), l.write()
}

// resume ends a pause. When lines have waited for that, another one begins.
func (l *Lines) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pausing = len(l.waiting) > 0; l.pausing {
		time.AfterFunc(pause, l.resume)
		_ = l.write() // there is nobody to tell but the log
	}
}

// Flush writes the lines that wait.
func (l *Lines) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.write() // as in resume
}

// Close is Flush for the end: lines that come after it are written at once.
func (l *Lines) Close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	_ = l.write()
}

func (l *Lines) write() error {
	if len(l.waiting) == 0 {
		return nil
	}
	_, err := l.to.Write(l.waiting)
	l.waiting = l.waiting[:0]
	return err
}
