// Package recovery owns what is confirmed by a secret that was mailed: addresses, resets of passwords, changes of the
// address, sign-ups and invitations.
//
// Requests never say whether there is an account. What differs happens when the mail is prepared.
package recovery

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/auth/sessions"
)

// Store is what a Service reads outside of transactions.
type Store interface {
	User(ctx context.Context, id uuid.UUID) (*auth.User, error)
}

// Options are what a Service needs. All are required, except that Mailed is not if Outbox sends no mail.
type Options struct {
	Store    Store
	Access   *access.Service
	Sessions *sessions.Service
	Maker    *accounts.Maker
	Mailed   *proof.Mailed
	Outbox   *mailing.Outbox
	Tx       *transaction.Runner
}

// Service serves everybody who has asked for a mail or has read one. It is safe for concurrent use.
type Service struct {
	store    Store
	access   *access.Service
	sessions *sessions.Service
	maker    *accounts.Maker
	mailed   *proof.Mailed
	outbox   *mailing.Outbox
	tx       *transaction.Runner
}

// New returns a Service. It tells the outbox how to prepare mails.
func New(o Options) *Service {
	s := &Service{
		store: o.Store, access: o.Access, sessions: o.Sessions, maker: o.Maker, mailed: o.Mailed, outbox: o.Outbox, tx: o.Tx,
	}
	for kind, prepare := range map[auth.MailKind]mailing.Prepare{} {
		o.Outbox.Register(kind, prepare)
	}
	return s
}
