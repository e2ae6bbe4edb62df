// Package admin owns what administrators do with other people's accounts. Every method checks that the caller is an
// administrator, although the guard at the edge has checked it before.
package admin

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
)

// Store is what a Service reads outside of transactions.
type Store interface {
	User(ctx context.Context, id uuid.UUID) (*auth.User, error)
	Users(ctx context.Context, q auth.UserQuery) ([]auth.PlacedUser, error)
	Viewer(ctx context.Context, sessionID uuid.UUID) (*auth.Viewer, error)
	UsersByID(ctx context.Context, ids []uuid.UUID) ([]auth.User, error)
	CountUsers(ctx context.Context, limit int) (int, error)
	Events(ctx context.Context, q auth.AuditEventQuery) ([]auth.AuditEvent, error)
	CountEvents(ctx context.Context, kind auth.AuditEventKind, times []time.Time) ([]int, error)
	Client(ctx context.Context, id uuid.UUID) (*auth.Client, error)
	Clients(ctx context.Context, page auth.Page[uuid.UUID]) ([]auth.Client, error)
	Roles(ctx context.Context) ([]auth.RoleDefinition, error)
	MailStore
}

// ReadSigningKeys reads the signing keys, the newest first.
type ReadSigningKeys func(ctx context.Context) ([]auth.SigningKey, error)

// Options are what a Service needs. Without SigningKeys there are no keys to list.
type Options struct {
	Store       Store
	Access      *access.Service
	Maker       *accounts.Maker
	Outbox      *mailing.Outbox
	Tx          *transaction.Runner
	SigningKeys ReadSigningKeys
	// Required is what the schema requires of roles.
	Required auth.Requirements
	Signup   auth.SignupMode
}

// Service serves administrators. It is safe for concurrent use.
type Service struct {
	store       Store
	access      *access.Service
	maker       *accounts.Maker
	outbox      *mailing.Outbox
	tx          *transaction.Runner
	signingKeys ReadSigningKeys
	required    auth.Requirements
	signup      auth.SignupMode
}

// New returns a Service.
func New(o Options) *Service {
	return &Service{
		store: o.Store, access: o.Access, maker: o.Maker, outbox: o.Outbox, tx: o.Tx,
		signingKeys: o.SigningKeys, required: o.Required, signup: o.Signup,
	}
}

// changeUser runs change on a user in one transaction, and returns the changed user. Such transactions take turns, so that
// each decides on the result of the one before: two administrators that demote each other cannot both succeed.
func changeUser(
	ctx context.Context, runner *transaction.Runner, who transaction.Actor, id uuid.UUID,
	change func(ctx context.Context, tx *transaction.Tx, u *auth.User) error,
) (*auth.User, error) {
	var user *auth.User
	err := runner.Run(ctx, who.Administering(), func(ctx context.Context, tx *transaction.Tx) (err error) {
		// The lock blocks a change that the user makes at the same time. Otherwise one would overwrite the other.
		if _, err := tx.LockUser(ctx, id); err != nil {
			return err
		}
		user, err = tx.User(ctx, id)
		if errors.Is(err, auth.ErrNotFound) {
			return auth.BadInput(auth.FieldError{Field: "userId", Code: auth.InputNotFound, Message: "There is no such user."})
		}
		if err != nil {
			return err
		}
		return change(ctx, tx, user)
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}
