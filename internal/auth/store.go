package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Store keeps the domain's data. Times are UTC in microseconds, and it never asks a clock of its
// own. A method that finds nothing returns ErrNotFound; one that cannot reach its database
// returns ErrUnavailable. internal/storetest says the rest, and every Store must pass it.
type Store interface {
	// InTx runs f in one transaction: all of what f writes through tx is kept, or none of it when
	// f returns an error or panics. f must not do anything slow, and must use tx only.
	InTx(ctx context.Context, f func(ctx context.Context, tx Store) error) error

	// CreateAccount writes a new account. It returns ErrUsernameTaken or ErrEmailTaken when
	// another account holds the key; of many at once, exactly one succeeds.
	CreateAccount(ctx context.Context, a *Account) error
	// User finds a user by id.
	User(ctx context.Context, id uuid.UUID) (*User, error)
	// AccountByUsername and AccountByEmail find an account by its canonical key.
	AccountByUsername(ctx context.Context, key string) (*Account, error)
	AccountByEmail(ctx context.Context, key string) (*Account, error)
	// ReplacePasswordHash sets a hash, unless it is no longer the old one. It reports whether it did.
	ReplacePasswordHash(ctx context.Context, userID uuid.UUID, old, hash string, now time.Time) (bool, error)
	// SetDisabled shuts an account as of a time, or opens it with nil.
	SetDisabled(ctx context.Context, userID uuid.UUID, at *time.Time, now time.Time) error
	// Users lists up to limit users after the one with the id after, oldest first. The zero id
	// begins at the first.
	Users(ctx context.Context, after uuid.UUID, limit int) ([]User, error)

	// CreateSession writes a new session.
	CreateSession(ctx context.Context, session *Session) error
	// Viewer finds a session and its user together, in one query, whatever their state.
	Viewer(ctx context.Context, sessionID uuid.UUID) (*Viewer, error)
	// EndSession ends a session that lives, and reports whether it did.
	EndSession(ctx context.Context, sessionID uuid.UUID, now time.Time) (bool, error)

	// LoginFailures returns how many sign-ins under key failed in a row and when the last did;
	// zeros when none did.
	LoginFailures(ctx context.Context, key string) (LoginFailures, error)
	// AddLoginFailure counts one more, atomically.
	AddLoginFailure(ctx context.Context, key string, now time.Time) error
	// ClearLoginFailures forgets them.
	ClearLoginFailures(ctx context.Context, key string) error
}

// LoginFailures are sign-ins that failed in a row.
type LoginFailures struct {
	Count  int
	LastAt time.Time
}
