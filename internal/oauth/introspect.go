package oauth

import (
	"encoding/json"
	"net/http"

	"usher/internal/auth"
	"usher/internal/auth/sessions"
	"usher/internal/jsonobject"
)

// introspection is the response of RFC 7662 §2.2, with acr and auth_time of RFC 9470 §6.2. Times are in seconds since 1970.
// Roles, amr and the custom claims are extensions. Roles and custom claims are the user's current ones. The token itself has
// those at the time it was issued.
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
	AuthTime  int64       `json:"auth_time,omitempty"`
	Assurance string      `json:"acr,omitempty"`
	Methods   []string    `json:"amr,omitempty"`

	custom map[string]json.RawMessage
}

// MarshalJSON implements json.Marshaler.
func (i introspection) MarshalJSON() ([]byte, error) {
	type standard introspection
	doc, err := json.Marshal(standard(i))
	if err != nil {
		return nil, err
	}
	return jsonobject.Append(doc, i.custom)
}

// introspect is the introspection endpoint for registered clients (RFC 7662).
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
		answer.Roles, answer.custom = in.User.Roles, in.Custom
		answer.AuthTime, answer.Assurance, answer.Methods = in.AuthTime.Unix(), string(in.Assurance), in.Methods
		if in.User.Username != nil {
			answer.Username = *in.User.Username
		}
	}
	return answer, nil
}
