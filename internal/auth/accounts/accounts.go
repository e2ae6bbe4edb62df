// Package accounts owns what users do with their own accounts: signing up, changing their details and their
// password.
package accounts

import (
	"usher/internal/auth/access"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/auth/sessions"
)

// Service serves the owners of accounts. It is safe for concurrent use.
type Service struct {
	maker    *Maker
	access   *access.Service
	sessions *sessions.Service
	proofs   *proof.Checker
	outbox   *mailing.Outbox
	tx       *transaction.Runner
}

// New returns a Service.
func New(
	maker *Maker, access *access.Service, sessions *sessions.Service, proofs *proof.Checker, outbox *mailing.Outbox,
	tx *transaction.Runner,
) *Service {
	return &Service{maker: maker, access: access, sessions: sessions, proofs: proofs, outbox: outbox, tx: tx}
}
