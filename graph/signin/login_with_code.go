package signin

import (
	"context"

	"usher/internal/auth/recovery"
	"usher/internal/cookie"
)

// LoginWithCodeInput is the input of LoginWithCode: the token with the flow, or the code with the address.
type LoginWithCodeInput struct {
	Token *string
	Flow  *string
	Email *string
	Code  *string
	// Session says where the refresh token goes.
	Session SessionTransport
}

// LoginWithCode signs a user in with the secret of a mail. Like Login, it leaves a cookie if it needs a second factor.
func (s *Service) LoginWithCode(ctx context.Context, in LoginWithCodeInput) (*AuthPayload, error) {
	jar := cookie.From(ctx)
	if err := in.Session.check(jar); err != nil {
		return nil, err
	}
	tokens, err := s.recovery.LoginWithCode(ctx, recovery.LoginWithCodeInput{
		Token: in.Token, Flow: in.Flow, Email: in.Email, Code: in.Code,
		BindBrowser: in.Session == TransportCookie, Replaces: in.Session.replaces(jar),
	})
	keepLogin(jar, err)
	return in.Session.deliver(jar, tokens, err)
}
