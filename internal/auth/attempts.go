package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Attempts are checks of a password in a row, without a success. An attempt is counted before its password
// is hashed.
type Attempts struct {
	Count  int
	LastAt time.Time
}

// AttemptCounter names a counter of attempts.
type AttemptCounter struct {
	Key string
	// UserID is the account that the counter belongs to; nil for a name that no account has.
	UserID *uuid.UUID
}

// AttemptStore keeps the counters.
type AttemptStore interface {
	// Attempts returns what a counter has; zeros when it has nothing.
	Attempts(ctx context.Context, c AttemptCounter) (Attempts, error)
	// ReserveAttempt counts one more attempt at now, if the counter still has exactly what was says, and
	// reports whether it did. Of many at once with the same was, exactly one succeeds. It returns
	// ErrNotFound when the counter belongs to an account that does not exist.
	ReserveAttempt(ctx context.Context, c AttemptCounter, was Attempts, now time.Time) (bool, error)
	// ClearAttempts sets the counters of an account to zero, and reports whether one had anything.
	ClearAttempts(ctx context.Context, userID uuid.UUID) (bool, error)
}
