package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Store keeps the domain's data. It is the sum of the stores of each kind, because a transaction spans them;
// what only reads asks for the one that it needs.
//
// Times are UTC in microseconds, and a Store never asks a clock of its own. A method that finds nothing
// returns ErrNotFound; one that cannot reach its database returns ErrUnavailable. internal/storetest says the
// rest, and every Store must pass it.
type Store interface {
	// InTx runs f in one transaction: all of what f writes through tx is kept, or none of it when
	// f returns an error or panics. f must not do anything slow, and must use tx only. A Store may run f
	// again, in a new transaction, when its database has rolled one back for the sake of others; f must
	// leave nothing behind that makes a second run differ.
	InTx(ctx context.Context, f func(ctx context.Context, tx Store) error) error

	AccountStore
	CredentialStore
	AdministrationStore
	SessionStore
	RefreshStore
	AttemptStore
	AuditStore
	ClientStore
	CleanupStore
}

// CleanupStore deletes what nobody needs any more, and completes what older servers have left.
type CleanupStore interface {
	// SweepSessions deletes up to limit sessions that ended or expired before a time, and returns
	// how many.
	SweepSessions(ctx context.Context, before time.Time, limit int) (int, error)
	// SweepAttempts deletes up to limit counters of names that no account has whose last attempt was
	// before a time, and returns how many. Those of accounts stay as long as the account.
	SweepAttempts(ctx context.Context, before time.Time, limit int) (int, error)
	// UsersWithoutKey lists up to limit users whose full name has no search key: an older server wrote it.
	UsersWithoutKey(ctx context.Context, limit int) ([]User, error)
	// SetFullNameKey sets the search key of a user's full name, unless the full name has changed.
	SetFullNameKey(ctx context.Context, userID uuid.UUID, name, key string) error
}
