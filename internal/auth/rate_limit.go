package auth

import (
	"context"
	"time"
)

// RateLimitUses are uses that a server adds to the counter of a rate limit.
type RateLimitUses struct {
	// Key names the counter: 32 bytes, which tell nothing of what it counts by.
	Key []byte
	// Period is the number of the current period, counted from 1970 in periods of the limit, by the server's clock.
	Period int64
	// Count is the number of uses. It is negative for uses that were counted before and do not count after all.
	Count int64
	// ExpiresAt is when the period after Period ends. From then on these uses do not matter.
	ExpiresAt time.Time
}

// RateLimitSums are the uses of a counter by all servers, in its current period and in the one before.
type RateLimitSums struct {
	Period, Count, Previous int64
}

// RateLimitStore keeps the counters of rate limits, and the challenges that were solved.
type RateLimitStore interface {
	// AddUses adds uses to a counter and returns its sums. A sum never becomes negative.
	//
	// Clocks differ. Uses in a period that is over for the counter count in its current period. If the counter is two
	// periods ahead or more, a clock was wrong: the counter continues in the period of the uses and keeps its sums.
	AddUses(ctx context.Context, u RateLimitUses) (RateLimitSums, error)
	// UseChallenge notes that a challenge was solved, and reports whether it was not before. Of many at once with the
	// same id, exactly one gets true.
	UseChallenge(ctx context.Context, id string, expiresAt time.Time) (bool, error)
}
