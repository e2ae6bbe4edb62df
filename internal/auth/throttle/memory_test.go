package throttle_test

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"usher/internal/auth"
)

var discard = slog.New(slog.DiscardHandler)

// plain is a Digest that leaves its content as it is.
func plain(b []byte) []byte { return b }

// memory is a store for tests of what does not depend on the database. It knows one period.
type memory struct {
	mu     sync.Mutex
	counts map[string]auth.RateLimitSums
}

func (m *memory) AddUses(_ context.Context, u auth.RateLimitUses) (auth.RateLimitSums, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.counts == nil {
		m.counts = map[string]auth.RateLimitSums{}
	}
	sums := m.counts[string(u.Key)]
	if sums.Period != u.Period {
		sums = auth.RateLimitSums{Period: u.Period}
	}
	sums.Count += u.Count
	m.counts[string(u.Key)] = sums
	return sums, nil
}

func (m *memory) UseChallenge(context.Context, string, time.Time) (bool, error) { return true, nil }
