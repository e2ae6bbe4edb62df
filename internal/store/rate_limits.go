package store

import (
	"context"
	"time"

	"usher/internal/auth"
)

// $5 is the count of a new row: a count that gives uses back is negative, and a row is not.
const addUses = `
	INSERT INTO rate_limits (key, period, count, previous, expires_at) VALUES ($1, $2, $5, 0, $4)
	ON CONFLICT (key) DO UPDATE SET
		previous = CASE
			WHEN rate_limits.period >= excluded.period THEN rate_limits.previous
			WHEN rate_limits.period = excluded.period - 1 THEN rate_limits.count
			ELSE 0 END,
		count = CASE
			WHEN rate_limits.period < excluded.period THEN excluded.count
			WHEN rate_limits.count + CAST($3 AS bigint) < 0 THEN 0
			ELSE rate_limits.count + CAST($3 AS bigint) END,
		expires_at = CASE WHEN rate_limits.period = excluded.period + 1 THEN rate_limits.expires_at ELSE excluded.expires_at END,
		period = CASE WHEN rate_limits.period = excluded.period + 1 THEN rate_limits.period ELSE excluded.period END
	RETURNING period, count, previous`

// AddUses implements auth.RateLimitStore.
func (s *Store) AddUses(ctx context.Context, u auth.RateLimitUses) (auth.RateLimitSums, error) {
	fields := func(r *auth.RateLimitSums) []any { return []any{&r.Period, &r.Count, &r.Previous} }
	rows, err := list(ctx, s.write, "add uses", fields, addUses, u.Key, u.Period, u.Count, timestamp(u.ExpiresAt), max(u.Count, 0))
	if err != nil {
		return auth.RateLimitSums{}, err
	}
	return rows[0], nil
}

const useChallenge = `INSERT INTO solved_challenges (id, expires_at) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`

// UseChallenge implements auth.RateLimitStore.
func (s *Store) UseChallenge(ctx context.Context, id string, expiresAt time.Time) (bool, error) {
	n, err := s.exec(ctx, "use challenge", useChallenge, id, timestamp(expiresAt))
	return n == 1, err
}

// The outer condition repeats the time because a counter may change while the statement waits for its lock.
const (
	sweepRateLimits = `
	DELETE FROM rate_limits
	WHERE expires_at < $1 AND key IN (SELECT key FROM rate_limits WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
	sweepChallenges = `
	DELETE FROM solved_challenges
	WHERE expires_at < $1 AND id IN (SELECT id FROM solved_challenges WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`
)

// SweepRateLimits implements auth.CleanupStore.
func (s *Store) SweepRateLimits(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := s.exec(ctx, "sweep rate limits", sweepRateLimits, timestamp(before), limit)
	return int(n), err
}

// SweepChallenges implements auth.CleanupStore.
func (s *Store) SweepChallenges(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := s.exec(ctx, "sweep challenges", sweepChallenges, timestamp(before), limit)
	return int(n), err
}
