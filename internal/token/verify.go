package token

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
)

// maxSize is the maximum length of a token in bytes. Longer tokens are rejected
// before they are decoded.
const maxSize = 8 << 10

const errTooLong = invalidError("longer than 8 KiB")

// strictBase64 rejects padding and nonzero trailing bits, so that each token has
// only one encoding.
var strictBase64 = base64.RawURLEncoding.Strict()

// The members of a token that are read. All others are ignored, including jku,
// jwk, x5u and x5c. A token with crit is rejected.
var (
	headerNames = []string{"typ", "alg", "kid", "crit"}
	claimNames  = []string{
		"iss", "aud", "sub", "sid", "client_id", "iat", "exp", "nbf", "jti", "auth_time", "acr", "amr", "roles", emailVerified,
	}
)

// Verify returns the claims of a token that one of the authority's keys has
// signed for its own API. Otherwise the error is [ErrExpired] or [ErrInvalid].
//
// It caches verified tokens by their digest. For a cached token it checks only
// the key and the times, which takes a fraction of the time.
func (a *Authority) Verify(raw string) (*Claims, error) {
	if len(raw) > maxSize {
		return nil, errTooLong
	}
	now := a.now()
	var buf [1024]byte // avoids an allocation for most tokens
	d := digest(sha256.Sum256(append(buf[:0], raw...)))
	remembered := a.memory.of(d)
	if v, ok := remembered.Get(d); ok {
		if v.current(a.keys, now, a.leeway) {
			return v.copyClaims(), nil
		}
		remembered.Remove(d)
	}
	v, err := a.verify(raw, now, true)
	if err != nil {
		return nil, err
	}
	v.compact(a.issuer, a.audience)
	remembered.Add(d, v)
	return v.copyClaims(), nil
}

// VerifyAny is [Authority.Verify] for every audience, without a cache. It is for
// introspection and revocation (RFC 7662, RFC 7009). It must not be used to
// authorize a request.
//
// It also accepts an audience that is no longer allowed, because the API of that
// audience accepts the token until it expires.
func (a *Authority) VerifyAny(raw string) (*Claims, error) {
	v, err := a.verify(raw, a.now(), false)
	if err != nil {
		return nil, err
	}
	return &v.claims, nil
}

// verify verifies a token without the cache. With own, the token must be for the
// authority's own API.
func (a *Authority) verify(raw string, now time.Time, own bool) (*verified, error) {
	doc, key, err := a.payload(raw, now)
	if err != nil {
		return nil, err
	}
	v := &verified{keyID: key.id}
	if err := v.decodeClaims(doc, now.Add(a.leeway)); err != nil {
		return nil, err
	}
	if own && v.claims.Audience != a.audience {
		return nil, invalidError("aud is not this API")
	}
	if err := a.check(v.claims.Issuer, v.claims.ExpiresAt, now); err != nil {
		return nil, err
	}
	return v, nil
}

// payload verifies the signature of a token. It returns the claims set and the
// key.
func (a *Authority) payload(raw string, now time.Time) ([]byte, Key, error) {
	if len(raw) > maxSize {
		return nil, Key{}, errTooLong
	}
	header, rest, _ := strings.Cut(raw, ".")
	payload, signature, ok := strings.Cut(rest, ".")
	if !ok || strings.Contains(signature, ".") {
		return nil, Key{}, invalidError("not three segments")
	}
	key, err := a.keyOf(header, now)
	if err != nil {
		return nil, Key{}, err
	}
	sum, err := decodeSegment(signature)
	if err != nil {
		return nil, Key{}, err
	}
	if key.verify(raw[:len(header)+1+len(payload)], sum) != nil {
		return nil, Key{}, invalidError("signature does not match")
	}
	doc, err := decodeSegment(payload)
	return doc, key, err
}

// check verifies the issuer and the expiry. The expiry comes last, so that
// [ErrExpired] means that the token is otherwise valid.
func (a *Authority) check(issuer string, expiresAt, now time.Time) error {
	switch {
	case issuer != a.issuer:
		return invalidError("iss is not this issuer")
	case !now.Before(expiresAt.Add(a.leeway)):
		return ErrExpired
	}
	return nil
}

// keyOf returns the key that the header segment names.
func (a *Authority) keyOf(segment string, now time.Time) (Key, error) {
	doc, err := decodeSegment(segment)
	if err != nil {
		return Key{}, err
	}
	m := readMembers(doc, headerNames)
	h := wireHeader{Type: m.text("typ"), Algorithm: m.text("alg"), KeyID: m.text("kid")}
	m.reject("crit", "is not supported")
	if m.err != nil {
		return Key{}, m.err
	}
	// RFC 9068 §4 allows both. Media types are case-insensitive.
	if !strings.EqualFold(h.Type, tokenType) && !strings.EqualFold(h.Type, "application/"+tokenType) {
		return Key{}, invalidError("typ is not at+jwt")
	}
	key, ok := a.keys.Verifying(h.KeyID, now)
	if !ok {
		return Key{}, invalidError("unknown kid")
	}
	if Algorithm(h.Algorithm) != key.algorithm {
		return Key{}, invalidError("alg does not match the key")
	}
	return key, nil
}

// decodeClaims reads a claims set. All claims but nbf, acr, amr and email_verified are required. No
// time but exp may be after latest.
func (v *verified) decodeClaims(doc []byte, latest time.Time) error {
	m := readMembers(doc, claimNames)
	c := &v.claims
	*c = Claims{
		Issuer:    m.text("iss"),
		Audience:  m.text("aud"),
		Subject:   m.text("sub"),
		SessionID: m.text("sid"),
		ClientID:  m.text("client_id"),
		IssuedAt:  m.past("iat", latest),
		ExpiresAt: m.time("exp"),
		ID:        m.text("jti"),
		AuthTime:  m.past("auth_time", latest),
		Assurance: m.text("acr"),
		Methods:   m.texts("amr"),
		Roles:     m.texts("roles"),

		EmailVerified: m.boolean(emailVerified),
	}
	for _, t := range []time.Time{c.IssuedAt, m.past("nbf", latest), c.AuthTime} {
		if t.After(v.notBefore) {
			v.notBefore = t
		}
	}
	if m.err != nil {
		return m.err
	}
	if c.Issuer == "" || c.Audience == "" || c.Subject == "" || c.SessionID == "" ||
		c.ClientID == "" || c.IssuedAt.IsZero() || c.ExpiresAt.IsZero() || c.ID == "" ||
		c.AuthTime.IsZero() || c.Roles == nil {
		return invalidError("a claim is missing")
	}
	return nil
}

// decodeSegment decodes base64url without padding (RFC 7515 §2).
func decodeSegment(segment string) ([]byte, error) {
	doc, err := strictBase64.DecodeString(segment)
	// Even the strict decoder skips line breaks. The length reveals them.
	if err != nil || len(segment) != strictBase64.EncodedLen(len(doc)) {
		return nil, invalidError("segment is not base64url")
	}
	return doc, nil
}
