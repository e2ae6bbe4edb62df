package signin

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/sessions"
	"usher/internal/cookie"
)

// BeginPasskeyLogin asks a browser for a passkey.
func (s *Service) BeginPasskeyLogin(ctx context.Context) (*auth.PasskeyRequest, error) {
	return s.sessions.BeginPasskeyLogin(ctx)
}

// LoginWithPasskeyInput is the input of LoginWithPasskey.
type LoginWithPasskeyInput struct {
	Passkey auth.PasskeyResponse
	// Session says where the refresh token goes.
	Session SessionTransport
}

// LoginWithPasskey signs a user in with a passkey alone.
func (s *Service) LoginWithPasskey(ctx context.Context, in LoginWithPasskeyInput) (*AuthPayload, error) {
	jar := cookie.From(ctx)
	if err := in.Session.check(jar); err != nil {
		return nil, err
	}
	tokens, err := s.sessions.LoginWithPasskey(ctx, sessions.LoginWithPasskeyInput{
		Passkey: in.Passkey, Replaces: in.Session.replaces(jar),
	})
	return in.Session.deliver(jar, tokens, err)
}
