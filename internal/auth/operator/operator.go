// Package operator owns what the operator's commands and the server's own jobs do. It checks no caller, so no edge may
// import it.
package operator

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/identity"
	"usher/internal/password"
)

// Store is what a Service reads outside of transactions. Only Sweep writes there.
type Store interface {
	auth.CleanupStore
	auth.AuditLogStore
	User(ctx context.Context, id uuid.UUID) (*auth.User, error)
	Users(ctx context.Context, q auth.UserQuery) ([]auth.PlacedUser, error)
	PasswordByUsername(ctx context.Context, key string) (*auth.User, *auth.Credential, error)
	PasswordByEmail(ctx context.Context, key string) (*auth.User, *auth.Credential, error)
	Clients(ctx context.Context, page auth.Page[uuid.UUID]) ([]auth.Client, error)
	Roles(ctx context.Context) ([]auth.RoleDefinition, error)
}

// Options are what a Service needs. All are required.
type Options struct {
	Store  Store
	Maker  *accounts.Maker
	Outbox *mailing.Outbox
	Tx     *transaction.Runner
	// Required is what the schema requires of roles.
	Required auth.Requirements
	Signup   auth.SignupMode
	// AuditRetention is how long events stay in the audit log; 0 keeps all.
	AuditRetention time.Duration
	Log            *slog.Logger
}

// Service serves the operator. It is safe for concurrent use.
type Service struct {
	store    Store
	maker    *accounts.Maker
	outbox   *mailing.Outbox
	tx       *transaction.Runner
	required auth.Requirements
	log      *slog.Logger
	signup   auth.SignupMode

	auditRetention time.Duration
}

// New returns a Service.
func New(o Options) *Service {
	return &Service{
		store: o.Store, maker: o.Maker, outbox: o.Outbox, tx: o.Tx, required: o.Required, signup: o.Signup, log: o.Log,
		auditRetention: o.AuditRetention,
	}
}

// CreateUser creates an account with the given roles and USER, without signing it in.
func (s *Service) CreateUser(ctx context.Context, in accounts.Input, roles []auth.Role) (*auth.User, error) {
	return admin.Create(ctx, s.tx, s.maker, s.outbox, transaction.Operator, in, roles)
}

// InviteUser mails an invitation, which the server sends.
func (s *Service) InviteUser(ctx context.Context, in admin.InviteUserInput) (*admin.InviteUserPayload, error) {
	return admin.Invite(ctx, s.tx, s.outbox, s.signup, transaction.Operator, in)
}

// FindUser finds a user by user name, e-mail address or id. It returns auth.ErrNotFound when no user has it.
func (s *Service) FindUser(ctx context.Context, identifier string) (*auth.User, error) {
	if id, err := uuid.Parse(identifier); err == nil { // no user name has this form
		return s.store.User(ctx, id)
	}
	name, isEmail, ok := identity.ParseIdentifier(identifier)
	if !ok {
		return nil, auth.ErrNotFound
	}
	find := s.store.PasswordByUsername
	if isEmail {
		find = s.store.PasswordByEmail
	}
	user, _, err := find(ctx, name.Key)
	return user, err
}

// Users lists the users that match a query.
func (s *Service) Users(ctx context.Context, q auth.UserQuery) ([]auth.PlacedUser, error) {
	return s.store.Users(ctx, q)
}

// SetDisabled disables an account and ends its sessions, or enables it again.
func (s *Service) SetDisabled(ctx context.Context, id uuid.UUID, disabled bool) error {
	set := admin.Enable
	if disabled {
		set = admin.Disable
	}
	_, err := set(ctx, s.tx, transaction.Operator, id)
	return err
}

// ResetFactors removes all second factors of a user, ends their sessions, and reports whether there were any factors. If this
// process sends mail, the user gets one.
func (s *Service) ResetFactors(ctx context.Context, id uuid.UUID) (bool, error) {
	_, had, err := admin.ResetFactors(ctx, s.tx, s.outbox, transaction.Operator, id)
	return had, err
}

// DeleteUser deletes an account and its sessions. The last administrator with an enabled account stays.
func (s *Service) DeleteUser(ctx context.Context, id uuid.UUID) error {
	return admin.Delete(ctx, s.tx, transaction.Operator, id)
}

// SetPassword sets the password of a user, ends all their sessions, clears the counters of their failed attempts and
// makes their mailed secrets invalid. If this process sends mail, the user gets one.
func (s *Service) SetPassword(ctx context.Context, u *auth.User, p password.Plaintext) error {
	next, err := s.maker.Password(ctx, p, u)
	if err != nil {
		return err
	}
	err = s.tx.Run(ctx, transaction.Operator, func(ctx context.Context, tx *transaction.Tx) error {
		if err := tx.SetPassword(ctx, next); err != nil { // locks the user first
			return err
		}
		if err := proof.Forget(ctx, tx, u.ID); err != nil {
			return err
		}
		if _, err := tx.EndOtherSessions(ctx, u.ID, uuid.Nil, tx.Now); err != nil {
			return err
		}
		if _, err := tx.ClearAttempts(ctx, u.ID, true); err != nil {
			return err
		}
		if err := s.outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailPasswordChanged)); err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventPasswordSet, UserID: &u.ID})
	})
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return nil
}

// ErrNoEmail says that a user has no e-mail address.
var ErrNoEmail = errors.New("the user has no e-mail address")

// VerifyEmail marks the e-mail address of a user as verified without a mail, and reports whether it was not verified
// before. The operator vouches that the address belongs to the user of the account, so the sessions of the account stay.
func (s *Service) VerifyEmail(ctx context.Context, id uuid.UUID) (changed bool, err error) {
	err = s.tx.Run(ctx, transaction.Operator, func(ctx context.Context, tx *transaction.Tx) error {
		changed = false
		if _, err := tx.LockUser(ctx, id); err != nil {
			return err
		}
		u, err := tx.User(ctx, id)
		switch {
		case err != nil:
			return err
		case u.Email == nil:
			return ErrNoEmail
		case u.EmailVerifiedAt != nil:
			return nil
		}
		name, ok := u.EmailName()
		if !ok {
			return errors.New("the stored address is invalid")
		}
		verified := auth.Email{Address: u.Email, Key: &name.Key, VerifiedAt: &tx.Now, Pending: u.PendingEmail}
		if err := tx.SetEmail(ctx, id, verified, tx.Now); err != nil {
			return err
		}
		changed = true
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventEmailVerified, UserID: &id})
	})
	if err != nil && !errors.Is(err, auth.ErrNotFound) && !errors.Is(err, ErrNoEmail) {
		return false, fmt.Errorf("verify e-mail address: %w", err)
	}
	return changed, err
}

// Unlock clears the counters of a user's failed attempts, so that they can try again at once.
func (s *Service) Unlock(ctx context.Context, id uuid.UUID) error {
	err := s.tx.Run(ctx, transaction.Operator, func(ctx context.Context, tx *transaction.Tx) error {
		cleared, err := tx.ClearAttempts(ctx, id, true)
		if err != nil || !cleared {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserUnlocked, UserID: &id})
	})
	if errors.Is(err, auth.ErrNotFound) {
		return err
	}
	if err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}
