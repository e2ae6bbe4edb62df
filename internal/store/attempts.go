package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

const attempts = `SELECT count, last_at FROM password_attempts WHERE key = $1`

// Attempts implements auth.Store.
func (s *Store) Attempts(ctx context.Context, c auth.AttemptCounter) (auth.Attempts, error) {
	var a auth.Attempts
	err := s.row(ctx, "read attempts", []any{&a.Count, (*timestamp)(&a.LastAt)}, attempts, c.Key)
	if err != nil && !errors.Is(err, auth.ErrNotFound) {
		return auth.Attempts{}, err
	}
	return a, nil
}

const firstAttempt = `
	INSERT INTO password_attempts (key, user_id, count, last_at) VALUES ($1, $2, 1, $3)
	ON CONFLICT (key) DO NOTHING`

// The time is compared too: a counter that was cleared and reached the same count again has another one.
const nextAttempt = `
	UPDATE password_attempts SET count = count + 1, last_at = $4
	WHERE key = $1 AND count = $2 AND last_at = $3`

// ReserveAttempt implements auth.Store.
func (s *Store) ReserveAttempt(ctx context.Context, c auth.AttemptCounter, was auth.Attempts, now time.Time) (bool, error) {
	var n int64
	var err error
	if was.Count == 0 {
		n, err = s.exec(ctx, "reserve attempt", firstAttempt, c.Key, c.UserID, timestamp(now))
	} else {
		n, err = s.exec(ctx, "reserve attempt", nextAttempt, c.Key, was.Count, timestamp(was.LastAt), timestamp(now))
	}
	return n == 1, err
}

const clearAttempts = `DELETE FROM password_attempts WHERE user_id = $1 AND ($2 OR key NOT LIKE '` + auth.FactorCounter + `%')`

// ClearAttempts implements auth.Store.
func (s *Store) ClearAttempts(ctx context.Context, userID uuid.UUID, factors bool) (bool, error) {
	n, err := s.exec(ctx, "clear attempts", clearAttempts, userID, factors)
	return n > 0, err
}

// The outer condition repeats the time because a counter may change while the statement waits for its lock.
const sweepAttempts = `
	DELETE FROM password_attempts
	WHERE last_at < $1 AND key IN (SELECT key FROM password_attempts WHERE user_id IS NULL AND last_at < $1 LIMIT $2)`

// SweepAttempts implements auth.Store.
func (s *Store) SweepAttempts(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := s.exec(ctx, "sweep attempts", sweepAttempts, timestamp(before), limit)
	return int(n), err
}
