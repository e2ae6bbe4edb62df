package sessions

import (
	"context"

	"usher/internal/auth"
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

// LoginWithPasskey signs a user in with a passkey alone, which is two factors: they have it, and its authenticator has
// verified them by a PIN or a biometric. An unknown or a wrong one has the error CodeInvalidCredentials. A request that
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
	started, err := s.signIn(ctx, verified, in.Replaces)
	if err != nil {
		return nil, err
	}
	return s.TokensOf(ctx, started)
}
