package sessions

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// BeginPasskeyLogin asks for a passkey, to sign in with it, to complete a sign-in, or to confirm an identity.
func (s *Service) BeginPasskeyLogin(ctx context.Context) (*auth.PasskeyRequest, error) {
	return s.factors.PasskeyRequest(ctx)
}

// LoginWithPasskeyInput is the input of LoginWithPasskey.
type LoginWithPasskeyInput struct {
	Passkey auth.PasskeyResponse
	// Replaces is the refresh token that the client drops for the new one; empty means none. Its session ends.
	Replaces string
}

// LoginWithPasskey signs a user in with a passkey alone, which is both something that they have and, by its PIN or their
// body, something that proves who holds it. An unknown or a wrong one has the error CodeInvalidCredentials. A request that
// was answered, has expired, or had five answers, has CodeBadUserInput.
func (s *Service) LoginWithPasskey(ctx context.Context, in LoginWithPasskeyInput) (*Tokens, error) {
	tokens, err := s.loginWithPasskey(ctx, in)
	s.tx.Meter().CountSignIn(auth.SignInPasskey, auth.SignInOutcome(err))
	return tokens, err
}

func (s *Service) loginWithPasskey(ctx context.Context, in LoginWithPasskeyInput) (*Tokens, error) {
	verified, err := s.factors.Passkey(ctx, in.Passkey)
	if err != nil {
		return nil, err
	}
	if err := s.checkVerified(verified.User(), ownAPI); err != nil {
		return nil, s.refuseSignIn(ctx, verified, err)
	}
	var started *Started
	err = s.tx.Run(ctx, transaction.ByUser(verified.User().ID), func(ctx context.Context, tx *transaction.Tx) error {
		if started, err = s.Start(ctx, tx, verified, in.Replaces); err != nil {
			return err
		}
		return tx.RecordSession(ctx, auth.EventLogin, &started.viewer)
	})
	if err != nil {
		return nil, err
	}
	return s.TokensOf(ctx, started)
}
