package oauth

import (
	"net/http"

	"usher/internal/auth"
	"usher/internal/auth/sessions"
)

// introspection is the answer of RFC 7662 §2.2. Times are seconds since 1970. Roles are the
// server's own member: those that the user has now, where the token has those of its making.
type introspection struct {
	Active    bool        `json:"active"`
	ClientID  string      `json:"client_id,omitempty"`
	Subject   string      `json:"sub,omitempty"`
	Username  string      `json:"username,omitempty"`
	Roles     []auth.Role `json:"roles,omitempty"`
	ExpiresAt int64       `json:"exp,omitempty"`
	TokenType string      `json:"token_type,omitempty"`
	Issuer    string      `json:"iss,omitempty"`
	Audience  []string    `json:"aud,omitempty"`
	ID        string      `json:"jti,omitempty"`
	IssuedAt  int64       `json:"iat,omitempty"`
}

// introspect is the introspection endpoint (RFC 7662), for registered clients.
func (s *server) introspect(r *http.Request, f form, client *auth.Client) (any, error) {
	if client == nil {
		return nil, invalidClient("Authenticate as a registered client.")
	}
	token, ok := f["token"]
	if !ok {
		return nil, invalidRequest("token is missing.")
	}
	in, err := s.clients.Introspect(r.Context(), client, token)
	if err != nil || in == nil {
		return introspection{}, err
	}
	answer := introspection{
		Active: true, ClientID: in.ClientID, Subject: in.Subject,
		TokenType: sessions.TokenType, Issuer: in.Issuer, Audience: []string{in.Audience}, ID: in.ID,
		IssuedAt: in.IssuedAt.Unix(), ExpiresAt: in.ExpiresAt.Unix(),
	}
	if in.User != nil {
		answer.Roles = in.User.Roles
		if in.User.Username != nil {
			answer.Username = *in.User.Username
		}
	}
	return answer, nil
}
