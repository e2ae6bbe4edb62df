package sessions

import "usher/internal/auth"

// ErrUnknownResource says that no access tokens are issued for the resource that a request asks for.
var ErrUnknownResource = auth.BadInput(auth.FieldError{
	Field: "resource", Code: auth.InputNotFound,
	Message: "The server does not issue access tokens for this resource. Its operator lists resources in USHER_AUDIENCE.",
})

// ownAPI is the audience that stands for Usher's own API.
const ownAPI = ""

// AudienceFor returns the audience of an access token for a resource (RFC 8707 §2); nil means Usher's
// own API. It is called before anything is done, so that a refusal uses nothing up.
func (s *Service) AudienceFor(resource *string) (string, error) {
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

// CheckResource returns ErrUnknownResource when no access tokens are issued for a resource.
func (s *Service) CheckResource(resource *string) error {
	_, err := s.AudienceFor(resource)
	return err
}
