package token

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// wireClaims is the JSON form of [Claims]: the claims of RFC 9068 §2.2 and sid.
type wireClaims struct {
	Issuer    string   `json:"iss"`
	Audience  string   `json:"aud"`
	Subject   string   `json:"sub"`
	SessionID string   `json:"sid"`
	ClientID  string   `json:"client_id"`
	IssuedAt  int64    `json:"iat"`
	ExpiresAt int64    `json:"exp"`
	ID        string   `json:"jti"`
	AuthTime  int64    `json:"auth_time"`
	Assurance string   `json:"acr,omitempty"`
	Methods   []string `json:"amr,omitempty"`
	Roles     []string `json:"roles"`
}

// Sign returns a token with the claims c. Subject, SessionID, ClientID and
// AuthTime are required. Audience defaults to the authority's own API, and must
// be one that [Authority.Allows]. ID defaults to a random one. ExpiresAt can only
// shorten the TTL. Sign ignores Issuer and IssuedAt and sets them itself. Names in
// Custom must not be [Reserved], except for email_verified with a boolean.
func (a *Authority) Sign(c Claims) (string, error) {
	if c.Subject == "" || c.SessionID == "" || c.ClientID == "" || c.AuthTime.IsZero() {
		return "", errors.New("token: sign: subject, session, client or authentication time is missing")
	}
	audience, err := a.audienceOf(c.Audience)
	if err != nil {
		return "", err
	}
	if c.ID == "" {
		c.ID = rand.Text()
	}
	if c.Roles == nil {
		c.Roles = []string{} // encoded as an empty array, not as null
	}
	now := a.now()
	expires := now.Add(a.ttl)
	if !c.ExpiresAt.IsZero() && c.ExpiresAt.Before(expires) {
		expires = c.ExpiresAt
	}
	return a.signClaims(wireClaims{
		Issuer:    a.issuer,
		Audience:  audience,
		Subject:   c.Subject,
		SessionID: c.SessionID,
		ClientID:  c.ClientID,
		IssuedAt:  now.Unix(),
		ExpiresAt: expires.Unix(),
		ID:        c.ID,
		AuthTime:  c.AuthTime.Unix(),
		Assurance: c.Assurance,
		Methods:   c.Methods,
		Roles:     c.Roles,
	}, c.Custom, now)
}

// signClaims signs claims in their JSON form, with custom claims added.
func (a *Authority) signClaims(claims any, custom map[string]json.RawMessage, now time.Time) (string, error) {
	doc, err := json.Marshal(claims)
	if err == nil && len(custom) > 0 {
		doc, err = addCustom(doc, custom)
	}
	if err != nil {
		return "", fmt.Errorf("token: sign: %w", err)
	}
	key := a.keys.Signing(now)
	if key.algorithm == "" {
		return "", errors.New("token: sign: no signing key")
	}
	input := key.header + "." + base64.RawURLEncoding.EncodeToString(doc)
	signature, err := key.sign(input)
	if err != nil {
		return "", fmt.Errorf("token: sign: %w", err)
	}
	raw := input + "." + base64.RawURLEncoding.EncodeToString(signature)
	if len(raw) > maxSize {
		return "", errors.New("token: sign: claims exceed 8 KiB")
	}
	return raw, nil
}
