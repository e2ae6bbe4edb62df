// Package accounts owns what users do with their own accounts: signing up and changing their details.
package accounts

import (
	"usher/internal/auth/access"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/sessions"
)

// Service serves the owners of accounts. It is safe for concurrent use.
type Service struct {
	maker    *Maker
	access   *access.Service
	sessions *sessions.Service
	tx       *transaction.Runner
}

// New returns a Service.
func New(maker *Maker, access *access.Service, sessions *sessions.Service, tx *transaction.Runner) *Service {
	return &Service{maker: maker, access: access, sessions: sessions, tx: tx}
}
