package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// postgresLock makes a SELECT lock its rows like an UPDATE that changes no key, so inserts that reference
// these rows need not wait. Unlike an UPDATE, it writes no row version and no index entry. SQLite has no
// such clause and needs none: a writing transaction holds the only write lock from its start
// (_txlock=immediate).
const postgresLock = ` FOR NO KEY UPDATE`

// lock locks the rows of a query until the transaction ends, and reports whether there are any.
func (s *Store) lock(ctx context.Context, doing, query string, args ...any) (bool, error) {
	locked, err := list(ctx, s.write, doing, func(one *int) []any { return []any{one} }, query+s.rowLock, args...)
	return len(locked) > 0, err
}

// lockUser also locks disabled users.
const lockUser = `SELECT 1 FROM users WHERE id = $1`

// LockUser implements auth.Store.
func (s *Store) LockUser(ctx context.Context, userID uuid.UUID) (bool, error) {
	return s.lock(ctx, "lock user", lockUser+` AND disabled_at IS NULL`, userID)
}

// LockSession implements auth.Store.
func (s *Store) LockSession(ctx context.Context, userID, sessionID uuid.UUID, now time.Time) (bool, error) {
	if _, err := s.lock(ctx, "lock user", lockUser, userID); err != nil {
		return false, err
	}
	return s.lock(ctx, "lock session",
		`SELECT 1 FROM sessions WHERE id = $1 AND ended_at IS NULL AND expires_at > $2`, sessionID, timestamp(now))
}

// LockAdministration implements auth.Store. It writes the row instead of only locking it. Above READ
// COMMITTED, a PostgreSQL transaction that waited for a row lock continues with its old snapshot, and two
// transactions could remove the last administrator. A concurrent write makes the second one fail instead.
// LockUser and LockSession only lock. What disables a user or ends a session updates the locked row, so it conflicts at
// every isolation level.
func (s *Store) LockAdministration(ctx context.Context) error {
	const doing = "lock administration"
	n, err := s.exec(ctx, doing, `UPDATE administration SET id = id`)
	if err == nil && n != 1 {
		err = errors.New(doing + ": the row is missing") // Without the row, nothing would be locked.
	}
	return err
}
