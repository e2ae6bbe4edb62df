// Package accounts owns what users do with their own accounts: signing up, changing their details and their
// password, getting their data and deleting the account.
package accounts

import (
	"context"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/auth/sessions"
)

// Store is what a Service reads outside of transactions, for the export of a user's data.
type Store interface {
	PasswordOf(ctx context.Context, userID uuid.UUID) (*auth.User, *auth.Credential, error)
	Factors(ctx context.Context, userID uuid.UUID) ([]auth.Factor, error)
	Sessions(ctx context.Context, userID uuid.UUID, now, idleSince time.Time, page auth.Page[auth.SessionPosition]) ([]auth.Session, error)
	Events(ctx context.Context, q auth.AuditEventQuery) ([]auth.AuditEvent, error)
	Mails(ctx context.Context, q auth.MailQuery) ([]auth.MailMessage, error)
}

// Options are what a Service needs. All are required, except that a DeletionGrace of zero deletes accounts at once.
type Options struct {
	Store    Store
	Maker    *Maker
	Access   *access.Service
	Sessions *sessions.Service
	Proofs   *proof.Checker
	Outbox   *mailing.Outbox
	Tx       *transaction.Runner
	// Signup says how people get an account.
	Signup auth.SignupMode
	// DeletionGrace is how long after DeleteMe the account is deleted.
	DeletionGrace time.Duration
}

// Service serves the owners of accounts. It is safe for concurrent use.
type Service struct {
	store    Store
	maker    *Maker
	signup   auth.SignupMode
	access   *access.Service
	sessions *sessions.Service
	proofs   *proof.Checker
	outbox   *mailing.Outbox
	tx       *transaction.Runner
	grace    time.Duration
	// exports limits the exports that are made at once: each takes some megabytes.
	exports chan struct{}
}

// New returns a Service.
func New(o Options) *Service {
	return &Service{
		store: o.Store, maker: o.Maker, access: o.Access, sessions: o.Sessions, proofs: o.Proofs, outbox: o.Outbox, tx: o.Tx,
		signup: o.Signup.OrDefault(), grace: o.DeletionGrace, exports: make(chan struct{}, parallelExports),
	}
}

// SignupMode says how people get an account.
func (s *Service) SignupMode() auth.SignupMode { return s.signup }
