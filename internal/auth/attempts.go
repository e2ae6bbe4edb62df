package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Attempts are checks of a password in a row without a success. An attempt is counted before its password is hashed.
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

// FactorCounter begins the keys of counters of second factors. Whoever reaches those knows the password, so a right password
// must not clear them.
const FactorCounter = "factor:"

// AttemptStore keeps the counters.
type AttemptStore interface {
	// Attempts returns the value of a counter; zeros when there is none.
	Attempts(ctx context.Context, c AttemptCounter) (Attempts, error)
	// ReserveAttempt counts one more attempt at now, if the value of the counter is still was, and reports whether it
	// did. Of many at once with the same was, exactly one succeeds. It returns ErrNotFound when the counter's account
	// does not exist.
	ReserveAttempt(ctx context.Context, c AttemptCounter, was Attempts, now time.Time) (bool, error)
	// ClearAttempts sets the counters of an account to zero, and reports whether any was not. Without factors, counters
	// whose key begins with FactorCounter stay.
	ClearAttempts(ctx context.Context, userID uuid.UUID, factors bool) (bool, error)
}
