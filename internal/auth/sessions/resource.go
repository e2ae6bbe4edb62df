package sessions

import "usher/internal/auth"

// ErrUnknownResource says that the server issues no access tokens for the requested resource.
var ErrUnknownResource = auth.BadInput(auth.FieldError{
	Field: "resource", Code: auth.InputNotFound,
	Message: "The server does not issue access tokens for this resource. Its operator lists resources in USHER_AUDIENCE.",
})

// ownAPI is the audience of access tokens for Usher's own API.
const ownAPI = ""

// audience returns the audience of an access token for a resource (RFC 8707 §2); nil means Usher's own API. It is
// called before anything is used up.
func (s *Service) audience(resource *string) (string, error) {
	switch {
	case s.tokens == nil:
		return "", auth.ErrNoTokens
	case resource == nil:
		return ownAPI, nil
	case !s.tokens.Allows(*resource):
		return "", ErrUnknownResource
	}
	return *resource, nil
}

// checkReady returns auth.ErrEmailNotVerified or auth.ErrSecondFactorSetup if a user may not have access tokens for an
// audience. Another API knows nothing of this server's rules, so a token for it would let the user do everything there. It is
// called once the user is known to be who asks, and before anything is used up.
func (s *Service) checkReady(u *auth.User, audience string) error {
	switch {
	case !s.isForeign(audience):
		return nil
	case s.verified.Required && !u.HasVerifiedEmail():
		return auth.ErrEmailNotVerified
	case s.second.Overdue(u, s.tx.Now()):
		return auth.ErrSecondFactorSetup
	}
	return nil
}

// isForeign reports whether an audience is another API. A client may name Usher's own by its URL.
func (s *Service) isForeign(audience string) bool {
	return audience != ownAPI && audience != s.tokens.Audience()
}

// CheckResource returns ErrUnknownResource when the server issues no access tokens for a resource.
func (s *Service) CheckResource(resource *string) error {
	_, err := s.audience(resource)
	return err
}
