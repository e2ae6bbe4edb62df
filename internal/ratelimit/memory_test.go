package ratelimit_test

import (
	"context"
	"sync"
	"time"

	"usher/internal/ratelimit"
)

var epoch = time.Date(2030, 1, 2, 3, 0, 0, 0, time.UTC)

// memory is a Store without a database. It adds as internal/storetest requires of the databases.
type memory struct {
	mu         sync.Mutex
	sums       map[ratelimit.Key]ratelimit.Sums
	statements int
	before     func() error
}

func newMemory() *memory { return &memory{sums: map[ratelimit.Key]ratelimit.Sums{}} }

func (m *memory) Add(_ context.Context, key ratelimit.Key, period, count int64, _ time.Time) (ratelimit.Sums, error) {
	m.mu.Lock()
	before := m.before
	m.mu.Unlock()
	if before != nil {
		if err := before(); err != nil {
			return ratelimit.Sums{}, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.statements++
	sums, ok := m.sums[key]
	switch {
	case !ok:
		sums = ratelimit.Sums{Period: period, Count: max(count, 0)}
	case sums.Period < period-1:
		sums = ratelimit.Sums{Period: period, Count: max(count, 0)}
	case sums.Period < period:
		sums = ratelimit.Sums{Period: period, Count: max(count, 0), Previous: sums.Count}
	default:
		if sums.Period > period+1 {
			sums.Period = period
		}
		sums.Count = max(sums.Count+count, 0)
	}
	m.sums[key] = sums
	return sums, nil
}

func (m *memory) taken() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer func() { m.statements = 0 }()
	return m.statements
}

// clock is a clock that the test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(at time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = epoch.Add(at)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
