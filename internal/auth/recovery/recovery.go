// Package recovery owns what is confirmed by a secret that was mailed: addresses, resets of passwords, changes of the
// address, sign-ins, sign-ups and invitations.
//
// Requests never say whether there is an account. What differs happens when the mail is prepared.
package recovery

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/auth/sessions"
)

// Options are what a Service needs. All are required, except that Mailed is not if Outbox sends no mail.
type Options struct {
	Access   *access.Service
	Sessions *sessions.Service
	Maker    *accounts.Maker
	Mailed   *proof.Mailed
	Outbox   *mailing.Outbox
	Tx       *transaction.Runner
	Signup   auth.SignupMode
}

// Service serves everybody who has asked for a mail or has read one. It is safe for concurrent use.
type Service struct {
	access   *access.Service
	sessions *sessions.Service
	maker    *accounts.Maker
	mailed   *proof.Mailed
	outbox   *mailing.Outbox
	tx       *transaction.Runner
	signup   auth.SignupMode
}

// New returns a Service. It tells the outbox how to prepare mails.
func New(o Options) *Service {
	s := &Service{
		access: o.Access, sessions: o.Sessions, maker: o.Maker, mailed: o.Mailed, outbox: o.Outbox, tx: o.Tx,
		signup: o.Signup.OrDefault(),
	}
	for kind, prepare := range map[auth.MailKind]mailing.Prepare{
		auth.MailVerifyEmail:   s.prepareVerification,
		auth.MailResetPassword: s.preparePasswordReset,
		auth.MailLoginCode:     s.prepareLoginCode,
		auth.MailConfirmEmail:  s.prepareConfirmEmail,
		auth.MailSignUp:        s.prepareSignup,
		auth.MailInvitation:    s.prepareInvitation,
	} {
		o.Outbox.Register(kind, prepare)
	}
	return s
}

// caller returns the user and the session of the request; nil for an anonymous one.
func (s *Service) caller(ctx context.Context) (*auth.Viewer, error) {
	v, err := s.access.Viewer(ctx)
	if e, ok := errors.AsType[*auth.Error](err); ok && e.Code == auth.CodeUnauthenticated {
		return nil, nil
	}
	return v, err
}

// lockUser locks an enabled account in a transaction and reads it; nil if there is none.
func lockUser(ctx context.Context, tx *transaction.Tx, id uuid.UUID) (*auth.User, error) {
	enabled, err := tx.LockUser(ctx, id)
	if err != nil || !enabled {
		return nil, err
	}
	u, err := tx.User(ctx, id)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, nil
	}
	return u, err
}

// setVerified notes that the owner of an account's address has confirmed it now, and drops a change of the address that
// was pending. The account is locked. The caller of the request is by, if it is signed in as the account; else nil.
func setVerified(ctx context.Context, tx *transaction.Tx, u *auth.User, by *auth.Viewer) error {
	email, ok := u.EmailName()
	if !ok {
		return errors.New("the account has no address")
	}
	first := u.EmailVerifiedAt == nil
	if first {
		u.EmailVerifiedAt = new(tx.Now)
	}
	u.PendingEmail, u.UpdatedAt = nil, tx.Now
	err := tx.SetEmail(ctx, u.ID, auth.Email{Address: u.Email, Key: &email.Key, VerifiedAt: u.EmailVerifiedAt}, tx.Now)
	if err != nil || !first {
		return err
	}
	event := auth.AuditEvent{Kind: auth.EventEmailVerified, UserID: &u.ID}
	if by != nil {
		event.ActorID, event.SessionID = &u.ID, &by.Session.ID
	}
	return tx.Record(ctx, event)
}

// heldByOther reports whether another account than except has an address and has verified it.
func heldByOther(ctx context.Context, tx *transaction.Tx, key string, except uuid.UUID) (bool, error) {
	u, _, err := tx.PasswordByEmail(ctx, key)
	if errors.Is(err, auth.ErrNotFound) {
		return false, nil
	}
	return err == nil && u.ID != except && u.EmailVerifiedAt != nil, err
}
