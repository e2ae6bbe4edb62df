package store

import (
	"context"
	"errors"
	"time"

	"usher/internal/auth"
)

const loginFailures = `SELECT count, last_at FROM login_failures WHERE key = $1`

// LoginFailures implements auth.Store.
func (s *Store) LoginFailures(ctx context.Context, key string) (auth.LoginFailures, error) {
	var f auth.LoginFailures
	err := s.read.QueryRowxContext(ctx, loginFailures, key).Scan(&f.Count, (*timestamp)(&f.LastAt))
	if err := fault(ctx, "read login failures", err); err != nil && !errors.Is(err, auth.ErrNotFound) {
		return auth.LoginFailures{}, err
	}
	return f, nil
}

const addLoginFailure = `
	INSERT INTO login_failures (key, count, last_at) VALUES ($1, 1, $2)
	ON CONFLICT (key) DO UPDATE SET count = login_failures.count + 1, last_at = excluded.last_at`

// AddLoginFailure implements auth.Store.
func (s *Store) AddLoginFailure(ctx context.Context, key string, now time.Time) error {
	_, err := s.exec(ctx, "add login failure", addLoginFailure, key, timestamp(now))
	return err
}

// ClearLoginFailures implements auth.Store.
func (s *Store) ClearLoginFailures(ctx context.Context, key string) error {
	_, err := s.exec(ctx, "clear login failures", `DELETE FROM login_failures WHERE key = $1`, key)
	return err
}

const sweepLoginFailures = `
	DELETE FROM login_failures WHERE key IN (SELECT key FROM login_failures WHERE last_at < $1 LIMIT $2)`

// SweepLoginFailures implements auth.Store.
func (s *Store) SweepLoginFailures(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := s.exec(ctx, "sweep login failures", sweepLoginFailures, timestamp(before), limit)
	return int(n), err
}
