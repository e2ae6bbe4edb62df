package signin

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/sessions"
	"usher/internal/cookie"
)

// CompleteLoginInput is the input of CompleteLogin. Exactly one of the methods is set.
type CompleteLoginInput struct {
	Challenge    string
	Totp         *string
	RecoveryCode *string
	Passkey      *auth.PasskeyResponse
	EmailCode    *string
	// Session says where the refresh token goes.
	Session SessionTransport
}

// CompleteLogin signs a user in with a second factor, after Login.
func (s *Service) CompleteLogin(ctx context.Context, in CompleteLoginInput) (*AuthPayload, error) {
	jar := cookie.From(ctx)
	if err := in.Session.check(jar); err != nil {
		return nil, err
	}
	tokens, err := s.sessions.CompleteLogin(ctx, sessions.CompleteLoginInput{
		Challenge: in.Challenge, Browser: jar.LoginToken(), Replaces: in.Session.replaces(jar),
		Answer: sessions.Answer{TOTP: in.Totp, RecoveryCode: in.RecoveryCode, Passkey: in.Passkey, EmailCode: in.EmailCode},
	})
	if err == nil {
		jar.ForgetLoginToken()
	}
	return in.Session.deliver(jar, tokens, err)
}
