package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Store stores the domain's data. It combines the stores of each kind, because a transaction spans them. The packages of
// the domain declare interfaces of their own, with what they use outside of transactions.
//
// Times are UTC in microseconds, and a Store has no clock of its own. A method that finds nothing returns ErrNotFound.
// One that cannot reach its database returns ErrUnavailable. internal/storetest specifies the rest, and every Store must
// pass it.
type Store interface {
	// InTx runs f in one transaction. When f returns an error or panics, nothing is kept. f must not do anything
	// slow, and must use only tx. A Store may run f again in a new transaction, when the database has rolled one
	// back because of others. So f must leave nothing behind that makes a second run differ.
	InTx(ctx context.Context, f func(ctx context.Context, tx Store) error) error

	AccountStore
	CredentialStore
	FactorStore
	CeremonyStore
	AdministrationStore
	SessionStore
	RefreshStore
	AttemptStore
	AuditStore
	AuditLogStore
	ClientStore
	MailedSecretStore
	MailMessageStore
	RateLimitStore
	CleanupStore
}

// CleanupStore deletes expired data, and completes rows that servers of older releases have written.
type CleanupStore interface {
	// SweepSessions deletes up to limit sessions that ended or expired before a time, and returns how many.
	SweepSessions(ctx context.Context, before time.Time, limit int) (int, error)
	// SweepAttempts deletes up to limit counters without an account whose last attempt was before a time, and
	// returns how many. The counters of accounts stay.
	SweepAttempts(ctx context.Context, before time.Time, limit int) (int, error)
	// SweepMailedSecrets deletes up to limit secrets that expired before a time, and returns how many. It leaves those of
	// changes of the address.
	SweepMailedSecrets(ctx context.Context, before time.Time, limit int) (int, error)
	// SweepEmailChanges ends up to limit changes of the address whose secret expired before a time: it deletes the secret
	// and the pending address. It returns how many.
	SweepEmailChanges(ctx context.Context, before time.Time, limit int) (int, error)
	// SweepCeremonies deletes up to limit ceremonies that expired before a time, and returns how many.
	SweepCeremonies(ctx context.Context, before time.Time, limit int) (int, error)
	// SweepMails deletes up to limit mails of a state that were created before a time, by the time in the id, and returns
	// how many.
	SweepMails(ctx context.Context, state MailState, before time.Time, limit int) (int, error)
	// SweepRateLimits deletes up to limit counters of rate limits that expired before a time, and returns how many.
	SweepRateLimits(ctx context.Context, before time.Time, limit int) (int, error)
	// SweepChallenges deletes up to limit solved challenges that expired before a time, and returns how many.
	SweepChallenges(ctx context.Context, before time.Time, limit int) (int, error)
	// DeletionsDue lists up to limit users whose account is to be deleted at a time, or was before.
	DeletionsDue(ctx context.Context, now time.Time, limit int) ([]User, error)
	// UsersWithoutKey lists up to limit users whose full name has no search key: a server of an older release wrote
	// it.
	UsersWithoutKey(ctx context.Context, limit int) ([]User, error)
	// SetFullNameKey sets the search key of a user's full name, unless the full name has changed.
	SetFullNameKey(ctx context.Context, userID uuid.UUID, name, key string) error
}
