package token

import (
	"crypto/rand"
	"errors"
	"time"
)

// ClientClaims are the claims of a token for a client that acts on its own
// behalf (RFC 6749 §4.4). They have no session and no roles: [Authority.Verify]
// rejects tokens without these, and [Authority.VerifyClient] tokens with them.
type ClientClaims struct {
	Issuer   string // iss
	Audience string // aud
	ClientID string // client_id and sub
	ID       string // jti

	// Times are UTC, in whole seconds.
	IssuedAt  time.Time // iat
	ExpiresAt time.Time // exp
}

// wireClientClaims is the JSON form of [ClientClaims]. Without a user, sub
// identifies the client (RFC 9068 §2.2).
type wireClientClaims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Subject   string `json:"sub"`
	ClientID  string `json:"client_id"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	ID        string `json:"jti"`
}

// SignClient returns a new token for a client and an audience. An empty audience
// means the authority's own. Client IDs must differ from all user IDs
// (RFC 9068 §5).
func (a *Authority) SignClient(clientID, audience string) (string, error) {
	if clientID == "" {
		return "", errors.New("token: sign: client is missing")
	}
	audience, err := a.audienceOf(audience)
	if err != nil {
		return "", err
	}
	now := a.now()
	return a.signClaims(wireClientClaims{
		Issuer:    a.issuer,
		Audience:  audience,
		Subject:   clientID,
		ClientID:  clientID,
		IssuedAt:  now.Unix(),
		ExpiresAt: now.Add(a.ttl).Unix(),
		ID:        rand.Text(),
	}, nil, now)
}

// VerifyClient verifies tokens of [Authority.SignClient], for every audience. It
// returns [ErrInvalid] for tokens of users.
func (a *Authority) VerifyClient(raw string) (*ClientClaims, error) {
	now := a.now()
	doc, _, err := a.payload(raw, now)
	if err != nil {
		return nil, err
	}
	claims, err := decodeClientClaims(doc, now.Add(a.leeway))
	if err != nil {
		return nil, err
	}
	if err := a.check(claims.Issuer, claims.ExpiresAt, now); err != nil {
		return nil, err
	}
	return claims, nil
}

// decodeClientClaims reads the claims of wireClientClaims. It rejects claims that
// only tokens of users have.
func decodeClientClaims(doc []byte, latest time.Time) (*ClientClaims, error) {
	m := readMembers(doc, claimNames)
	subject := m.text("sub")
	c := &ClientClaims{
		Issuer:    m.text("iss"),
		Audience:  m.text("aud"),
		ClientID:  m.text("client_id"),
		IssuedAt:  m.past("iat", latest),
		ExpiresAt: m.time("exp"),
		ID:        m.text("jti"),
	}
	for _, name := range []string{"sid", "roles", "auth_time"} {
		m.reject(name, "belongs to tokens of users")
	}
	m.reject("nbf", "is not allowed")
	switch {
	case m.err != nil:
		return nil, m.err
	case c.Issuer == "" || c.Audience == "" || c.ClientID == "" || c.ID == "" ||
		c.IssuedAt.IsZero() || c.ExpiresAt.IsZero():
		return nil, invalidError("a claim is missing")
	case subject != c.ClientID:
		return nil, invalidError("sub is not client_id")
	}
	return c, nil
}
