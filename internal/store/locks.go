package store

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// postgresLock makes a SELECT lock its rows as an UPDATE does that leaves the keys as they are, so that foreign
// keys may still refer to them. Unlike an UPDATE, it writes no new row and no index entry. SQLite has
// no such clause and needs none: a transaction that writes has the only write lock from its start (_txlock=immediate).
const postgresLock = ` FOR NO KEY UPDATE`

// lock locks the rows of a query until the transaction ends, and reports whether there are any.
func (s *Store) lock(ctx context.Context, doing, query string, args ...any) (bool, error) {
	locked, err := list(ctx, s.write, doing, func(one *int) []any { return []any{one} }, query+s.rowLock, args...)
	return len(locked) > 0, err
}

// LockUser implements auth.Store.
func (s *Store) LockUser(ctx context.Context, userID uuid.UUID) (bool, error) {
	return s.lock(ctx, "lock user", `SELECT 1 FROM users WHERE id = $1 AND disabled_at IS NULL`, userID)
}

// LockSession implements auth.Store.
func (s *Store) LockSession(ctx context.Context, userID, sessionID uuid.UUID, now time.Time) (bool, error) {
	if _, err := s.lock(ctx, "lock user", `SELECT 1 FROM users WHERE id = $1`, userID); err != nil {
		return false, err
	}
	return s.lock(ctx, "lock session",
		`SELECT 1 FROM sessions WHERE id = $1 AND ended_at IS NULL AND expires_at > $2`, sessionID, timestamp(now))
}

// LockAdministration implements auth.Store. It writes its row: above READ COMMITTED, PostgreSQL lets a transaction
// that has waited for a mere lock go on with what it saw before, which could take the last administrator away.
// What the locks above protect is written to the rows that they lock.
func (s *Store) LockAdministration(ctx context.Context) error {
	const doing = "lock administration"
	n, err := s.exec(ctx, doing, `UPDATE administration SET id = id`)
	if err == nil && n != 1 {
		err = errors.New(doing + ": its row is missing") // Without it, no transaction would wait.
	}
	return err
}
