package breach

import (
	"context"
	"sync"
)

// Current is a List that can be replaced while it is in use. It is safe for concurrent use.
type Current struct {
	mu   sync.Mutex
	list *used
}

// used is a List with the number of calls that use it.
type used struct {
	*List

	calls    int
	replaced bool
}

// NewCurrent returns a Current with a list; nil for none.
func NewCurrent(l *List) *Current { return &Current{list: &used{List: l}} }

// Replace replaces the list and closes the former one when the calls that use it have returned.
func (c *Current) Replace(l *List) {
	c.mu.Lock()
	former := c.list
	c.list = &used{List: l}
	former.replaced = true
	idle := former.calls == 0
	c.mu.Unlock()
	if idle {
		_ = former.Close() // nothing was written
	}
}

// Close closes the list. No call may be under way.
func (c *Current) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list.Close()
}

// Compromised is List.Compromised. Without a list, no password is known.
func (c *Current) Compromised(ctx context.Context, texts ...string) (bool, error) {
	c.mu.Lock()
	l := c.list
	if l.List == nil {
		c.mu.Unlock()
		return false, nil
	}
	l.calls++
	c.mu.Unlock()
	defer c.release(l)
	return l.Compromised(ctx, texts...)
}

func (c *Current) release(l *used) {
	c.mu.Lock()
	l.calls--
	last := l.replaced && l.calls == 0
	c.mu.Unlock()
	if last {
		_ = l.Close() // nothing was written
	}
}
