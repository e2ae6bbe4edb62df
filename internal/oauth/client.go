package oauth

import (
	"errors"
	"net/http"
	"net/url"

	"usher/internal/auth"
)

// client authenticates the registered client that sent a request (RFC 6749 §2.3.1). It returns nil if the
// request has no client credentials and no client_id of a registered client.
func (s *server) client(r *http.Request, f form) (*auth.Client, error) {
	id, secret := f["client_id"], f["client_secret"]
	assertion := f["client_assertion"] != "" || f["client_assertion_type"] != ""
	switch headers := r.Header["Authorization"]; {
	case len(headers) > 1, len(headers) == 1 && (secret != "" || assertion), secret != "" && assertion:
		return nil, invalidRequest("Use only one way to authenticate the client.")
	case assertion:
		return nil, invalidClient("The server does not support this authentication method.")
	case len(headers) == 1:
		basicID, basicSecret, ok := basic(r)
		switch {
		case !ok || basicSecret == "":
			return nil, invalidClient("The Authorization header must contain client credentials with the scheme Basic.")
		case id != "" && id != basicID:
			return nil, invalidRequest("client_id differs from the client in the Authorization header.")
		}
		id, secret = basicID, basicSecret
	case secret == "" && (id == "" || id == auth.FirstPartyClientID):
		return nil, nil
	}
	client, err := s.clients.Authenticate(r.Context(), id, secret)
	var e *auth.Error
	if errors.As(err, &e) && e.Code == auth.CodeInvalidCredentials {
		return nil, invalidClient("The client is unknown, or its secret is wrong.")
	}
	return client, err
}

// basic returns the credentials of the Authorization header, which are form-encoded (RFC 6749 §2.3.1).
func basic(r *http.Request) (id, secret string, ok bool) {
	user, password, ok := r.BasicAuth()
	if !ok {
		return "", "", false
	}
	id, err1 := url.QueryUnescape(user)
	secret, err2 := url.QueryUnescape(password)
	return id, secret, err1 == nil && err2 == nil
}
