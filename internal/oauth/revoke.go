package oauth

import (
	"net/http"

	"usher/internal/auth"
)

// revoke is the revocation endpoint (RFC 7009). It ignores token_type_hint, because the type of a token shows in
// the token.
func (s *server) revoke(r *http.Request, f form, client *auth.Client) (any, error) {
	token, ok := f["token"]
	if !ok {
		return nil, invalidRequest("token is missing.")
	}
	return nil, s.clients.RevokeToken(r.Context(), client, token)
}
