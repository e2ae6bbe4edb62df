package provider

import (
	"context"
	"sync"
	"time"
)

const (
	// freshFor is how long a document of a provider is used without asking again.
	freshFor = time.Hour
	// usableFor is how long the last one is used while the provider does not answer. A withdrawn key is trusted no longer.
	usableFor = 24 * time.Hour
	// retryAfter is how long to wait before asking again after a failure, while there is a usable document.
	retryAfter = time.Minute
)

// cached is a document of a provider. Failures are not cached.
type cached[T any] struct {
	fetch func(context.Context) (T, error)
	now   func() time.Time
	turn  chan struct{} // who fetches has put something in, others wait

	mu         sync.Mutex
	value      T
	generation int // of the value; 0 is none
	fetched    time.Time
	retry      time.Time
}

func newCached[T any](now func() time.Time, fetch func(context.Context) (T, error)) *cached[T] {
	return &cached[T]{fetch: fetch, now: now, turn: make(chan struct{}, 1)}
}

// current returns the value, and whether it is fresh, or usable at least.
func (c *cached[T]) current() (value T, generation int, fresh, usable bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation == 0 {
		return c.value, 0, false, false
	}
	now := c.now()
	age := now.Sub(c.fetched)
	usable = age < usableFor
	return c.value, c.generation, age < freshFor || usable && now.Before(c.retry), usable
}

// get returns the value and its generation.
func (c *cached[T]) get(ctx context.Context) (T, int, error) {
	value, generation, fresh, usable := c.current()
	if fresh {
		return value, generation, nil
	}
	newer, number, err := c.renew(ctx, generation, nil)
	if err != nil && usable {
		if ctx.Err() != nil { // the caller has left, and the provider may well answer
			return value, 0, err
		}
		c.mu.Lock()
		c.retry = c.now().Add(retryAfter)
		c.mu.Unlock()
		return value, generation, nil
	}
	return newer, number, err
}

// renew returns a newer value than the generation that the caller has seen. If there is none yet, it fetches one, unless the
// function may returns an error. Only one caller fetches at a time.
func (c *cached[T]) renew(ctx context.Context, seen int, may func() error) (value T, generation int, err error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return value, 0, classify(ctx.Err(), ctx.Err())
	}
	if value, generation, _, _ := c.current(); generation != seen {
		return value, generation, nil
	}
	if may != nil {
		if err := may(); err != nil {
			return value, 0, err
		}
	}
	if value, err = c.fetch(ctx); err != nil {
		return value, 0, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value, c.fetched, c.retry = value, c.now(), time.Time{}
	c.generation++
	return value, c.generation, nil
}
