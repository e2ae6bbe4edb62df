// Package accounts owns what users do with their own accounts: signing up and changing their details.
package accounts

import (
	"context"

	"usher/internal/auth"
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

// Rename changes a user's full name in a transaction, if it differs.
func Rename(ctx context.Context, tx *transaction.Tx, u *auth.User, name auth.FullName) error {
	if equal(u.FullName, name.Text) {
		return nil
	}
	if err := tx.SetFullName(ctx, u.ID, name.Text, name.Key, tx.Now); err != nil {
		return err
	}
	u.FullName, u.UpdatedAt = name.Text, tx.Now
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserUpdated, UserID: &u.ID})
}

func equal(a, b *string) bool {
	return a == b || a != nil && b != nil && *a == *b
}
