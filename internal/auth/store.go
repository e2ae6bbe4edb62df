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
	// f returns an error or panics. f must not do anything slow, and must use tx only. A Store may run f
	// again, in a new transaction, when its database has rolled one back for the sake of others; f must
	// leave nothing behind that makes a second run differ.
	InTx(ctx context.Context, f func(ctx context.Context, tx Store) error) error

	AttemptStore
	ClientStore

	// CreateAccount writes a new account. It returns ErrUsernameTaken or ErrEmailTaken when
	// another account holds the key; of many at once, exactly one succeeds.
	CreateAccount(ctx context.Context, a *Account) error
	// User finds a user by id.
	User(ctx context.Context, id uuid.UUID) (*User, error)
	// Account finds an account by id.
	Account(ctx context.Context, id uuid.UUID) (*Account, error)
	// AccountByUsername and AccountByEmail find an account by its canonical key.
	AccountByUsername(ctx context.Context, key string) (*Account, error)
	AccountByEmail(ctx context.Context, key string) (*Account, error)
	// ReplacePasswordHash sets a hash, unless it is no longer the old one. It reports whether it did.
	ReplacePasswordHash(ctx context.Context, userID uuid.UUID, old, hash string, now time.Time) (bool, error)
	// SetDisabled shuts an account as of a time, or opens it with nil.
	SetDisabled(ctx context.Context, userID uuid.UUID, at *time.Time, now time.Time) error
	// SetFullName changes a user's full name and the form in which it is searched; nil is none.
	SetFullName(ctx context.Context, userID uuid.UUID, name, key *string, now time.Time) error
	// UsersWithoutKey lists up to limit users whose full name has no form in which it is searched: it is
	// older than that, or an older server wrote it.
	UsersWithoutKey(ctx context.Context, limit int) ([]User, error)
	// SetFullNameKey gives them that form, unless their full name is another one by now.
	SetFullNameKey(ctx context.Context, userID uuid.UUID, name, key string) error
	// SetRoles changes what a user may be.
	SetRoles(ctx context.Context, userID uuid.UUID, roles []Role, now time.Time) error
	// DeleteUser deletes an account for good, and its sessions with it.
	DeleteUser(ctx context.Context, userID uuid.UUID) error
	// Users lists the users that a query asks for, each with its place in the list.
	Users(ctx context.Context, q UserQuery) ([]PlacedUser, error)
	// UsersByID finds those of up to 200 users that exist, in no order.
	UsersByID(ctx context.Context, ids []uuid.UUID) ([]User, error)
	// LockAdministration makes other transactions that call it wait until this one ends.
	LockAdministration(ctx context.Context) error
	// HasOtherAdmin reports whether somebody but one user has the role ADMIN and an open account.
	HasOtherAdmin(ctx context.Context, except uuid.UUID) (bool, error)

	// LockUser makes other transactions that lock the user wait until this one ends, and notes the
	// time of the sign-in. It reports whether the account is open.
	LockUser(ctx context.Context, userID uuid.UUID, now time.Time) (bool, error)
	// CreateSession writes a new session, with the digest of its secret and refresh token number 0.
	CreateSession(ctx context.Context, session *Session, secretDigest []byte) error
	// Viewer finds a session and its user together, in one query, whatever their state.
	Viewer(ctx context.Context, sessionID uuid.UUID) (*Viewer, error)
	// EndSession ends a session that lives, and reports whether it did.
	EndSession(ctx context.Context, sessionID uuid.UUID, now time.Time) (bool, error)
	// LockSession makes other transactions that write to a session or to its user wait until this one ends.
	// It locks the user first, as whatever ends many sessions of a user does, so that transactions do not
	// wait for one another in a ring. It reports whether the session was neither ended nor expired.
	LockSession(ctx context.Context, userID, sessionID uuid.UUID, now time.Time) (bool, error)

	// EndOtherSessions ends the sessions of a user that were neither ended nor expired, but one; the
	// zero id spares none. Those that are idle too long end as well, or a longer limit could bring
	// them back. It returns how many.
	EndOtherSessions(ctx context.Context, userID, except uuid.UUID, now time.Time) (int, error)
	// EndOldestSessions ends the sessions of a user that live, but the newest few.
	EndOldestSessions(ctx context.Context, userID uuid.UUID, keep int, now, idleSince time.Time) error
	// Sessions lists up to limit sessions of a user that were neither ended nor expired at now nor
	// last used before idleSince, the newest first, after a position when that is not nil.
	Sessions(ctx context.Context, userID uuid.UUID, now, idleSince time.Time, after *SessionPosition, limit int) ([]Session, error)
	// RefreshState reads what decides over a refresh token of a session, in one query.
	RefreshState(ctx context.Context, sessionID uuid.UUID) (*RefreshState, error)
	// RotateRefreshToken makes the next refresh token of a living session the valid one, unless
	// generation is not that of the valid one any more. It notes the client, and the minute of the use. It
	// reports whether it did.
	RotateRefreshToken(ctx context.Context, sessionID uuid.UUID, generation uint32, by string, now time.Time) (bool, error)
	// AdvanceRefreshToken is RotateRefreshToken from one generation to any later one.
	AdvanceRefreshToken(ctx context.Context, sessionID uuid.UUID, from, to uint32, by string, now time.Time) (bool, error)
	// ReplayRefreshToken counts that the predecessor of a generation was presented again, unless the
	// generation is not that of the valid token any more, limit is reached, or the session has ended. It
	// reports whether it did.
	ReplayRefreshToken(ctx context.Context, sessionID uuid.UUID, generation uint32, limit int, now time.Time) (bool, error)
	// SweepSessions deletes up to limit sessions that ended or expired before a time, and returns
	// how many.
	SweepSessions(ctx context.Context, before time.Time, limit int) (int, error)

	// AddEvent writes a line of the audit log. Nothing changes or deletes it.
	AddEvent(ctx context.Context, e *AuditEvent) error
	// Events lists the lines of the audit log that a query asks for, the newest first.
	Events(ctx context.Context, q AuditEventQuery) ([]AuditEvent, error)
}

// SessionPosition is a place in a list of sessions.
type SessionPosition struct {
	CreatedAt time.Time
	ID        uuid.UUID
}

// UserOrderField says by what users are listed: the schema's UserOrderField.
type UserOrderField string

// The orders. Each of them is made unique by the id. Those without a user name, or without an e-mail
// address, come as if it were empty.
const (
	UsersByCreatedAt UserOrderField = "CREATED_AT"
	UsersByUsername  UserOrderField = "USERNAME"
	UsersByEmail     UserOrderField = "EMAIL"
)

// UserQuery asks for a page of users. The zero values of its filters let everybody through.
type UserQuery struct {
	// Search is how a key of the user begins: of the user name, the e-mail address or the full name.
	Search   string
	Role     Role
	Disabled *bool

	Order      UserOrderField
	Descending bool
	// After is the place to go on after; nil begins at the first.
	After *UserPosition
	Limit int
}

// UserPosition is a place in a list of users: the canonical key that the list is ordered by, if it
// is by one, and the id.
type UserPosition struct {
	Key string
	ID  uuid.UUID
}

// PlacedUser is a user and their place in a list.
type PlacedUser struct {
	User     User
	Position UserPosition
}

// AuditEventQuery asks for a page of the audit log. The zero values of its filters let every line
// through.
type AuditEventQuery struct {
	UserID *uuid.UUID
	Kind   AuditEventKind
	// Before is the line to go on after; nil begins at the newest.
	Before *uuid.UUID
	Limit  int
}
