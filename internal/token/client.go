package token

import (
	"crypto/rand"
	"errors"
	"time"
)

// ClientClaims is what the access token of a client says that acts for itself
// and for no user. It has neither session nor roles, so that [Authority.Verify]
// refuses it, and [Authority.VerifyClient] refuses what has them.
type ClientClaims struct {
	Issuer   string // iss
	Audience string // aud
	ClientID string // client_id, and sub too
	ID       string // jti

	// Times are UTC, in whole seconds.
	IssuedAt  time.Time // iat
	ExpiresAt time.Time // exp
}

// wireClientClaims is the JSON form of [ClientClaims]. Where no user takes
// part, sub is the client (RFC 9068 §2.2).
type wireClientClaims struct {
	Issuer    string `json:"iss"`
	Audience  string `json:"aud"`
	Subject   string `json:"sub"`
	ClientID  string `json:"client_id"`
	IssuedAt  int64  `json:"iat"`
	ExpiresAt int64  `json:"exp"`
	ID        string `json:"jti"`
}

// SignClient makes a token for a client and an audience; the empty audience
// stands for the authority's own. The id must not be one that a user may have.
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
	}, now)
}

// VerifyClient is [Authority.VerifyAny] for the tokens that SignClient makes, and
// for no others.
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

// decodeClientClaims reads a claims set that has what wireClientClaims has, and
// nothing that makes it a user's.
func decodeClientClaims(doc []byte, latest time.Time) (*ClientClaims, error) {
	c := new(ClientClaims)
	var subject string
	err := members(doc, func(name, value string) (err error) {
		switch name {
		case "iss":
			c.Issuer, err = text(name, value)
		case "aud":
			c.Audience, err = text(name, value)
		case "sub":
			subject, err = text(name, value)
		case "client_id":
			c.ClientID, err = text(name, value)
		case "iat":
			c.IssuedAt, err = numericDate(name, value)
		case "exp":
			c.ExpiresAt, err = numericDate(name, value)
		case "jti":
			c.ID, err = text(name, value)
		case "sid", "roles", "auth_time":
			err = invalidError(name + " is for users")
		case "nbf":
			err = invalidError("nbf is not ours")
		default:
			err = caseVariant(name, claimNames)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case c.Issuer == "" || c.Audience == "" || c.ClientID == "" || c.ID == "" ||
		c.IssuedAt.IsZero() || c.ExpiresAt.IsZero():
		return nil, invalidError("a claim is missing")
	case subject != c.ClientID:
		return nil, invalidError("sub is not the client")
	case c.IssuedAt.After(latest):
		return nil, invalidError("iat is in the future")
	}
	return c, nil
}
