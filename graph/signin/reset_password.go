package signin

import (
	"context"

	"usher/internal/auth/recovery"
	"usher/internal/cookie"
	"usher/internal/password"
)

// ResetPasswordInput is the input of ResetPassword: the token, or the flow with the code.
type ResetPasswordInput struct {
	Token    *string
	Flow     *string
	Code     *string
	Password password.Plaintext
	// Session says where the refresh token goes; nil means that the user is not signed in.
	Session *SessionTransport
}

// ResetPasswordPayload answers ResetPassword. Auth is nil if the user is not signed in.
type ResetPasswordPayload struct {
	Auth *AuthPayload
}

// ResetPassword sets the password of an account with the secret of a mail, and signs its user in if the client wants it.
func (s *Service) ResetPassword(ctx context.Context, in ResetPasswordInput) (*ResetPasswordPayload, error) {
	jar := cookie.From(ctx)
	reset := recovery.ResetPasswordInput{Token: in.Token, Flow: in.Flow, Code: in.Code, Password: in.Password}
	if in.Session != nil {
		if err := in.Session.check(jar); err != nil {
			return nil, err
		}
		reset.SignIn, reset.Replaces = true, in.Session.replaces(jar)
	}
	tokens, err := s.recovery.ResetPassword(ctx, reset)
	if err != nil || tokens == nil {
		return &ResetPasswordPayload{}, err
	}
	payload, err := in.Session.deliver(jar, tokens, nil)
	return &ResetPasswordPayload{Auth: payload}, err
}
