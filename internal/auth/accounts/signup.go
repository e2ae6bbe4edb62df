package accounts

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/sessions"
)

// SignupInput is the input of Signup.
type SignupInput struct {
	Input
	// Replaces is the refresh token that the client drops for the new one; empty means none. Its session ends.
	Replaces string
}

// Signup creates an account with the role USER and signs it in, if the server lets everybody do so.
func (s *Service) Signup(ctx context.Context, in SignupInput) (*sessions.Tokens, error) {
	if err := s.signup.CheckSignup(); err != nil {
		return nil, err
	}
	made, err := s.maker.Make(ctx, in.Input, []auth.Role{auth.RoleUser})
	if err != nil {
		return nil, err
	}
	var started *sessions.Started
	err = s.tx.Run(ctx, transaction.ByUser(made.Account.ID), func(ctx context.Context, tx *transaction.Tx) error {
		var owner proof.Proof
		if owner, err = made.Store(ctx, tx); err != nil {
			return err
		}
		if started, err = s.sessions.Start(ctx, tx, owner, in.Replaces); err != nil {
			return err
		}
		return tx.RecordSession(ctx, auth.EventSignup, started.Viewer())
	})
	if err != nil {
		return nil, err
	}
	return s.sessions.TokensOf(ctx, started)
}
