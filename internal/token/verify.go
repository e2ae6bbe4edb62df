package token

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"
)

// maxSize is how long a token may be, in bytes. A longer one is refused before
// any of it is decoded.
const maxSize = 8 << 10

const errTooLong = invalidError("longer than 8 KiB")

// strictBase64 refuses padding and stray bits, so that a token has one text.
var strictBase64 = base64.RawURLEncoding.Strict()

// The members that are read out of a token. All others are ignored, jku, jwk,
// x5u and x5c among them; crit is read to be refused.
var (
	headerNames = []string{"typ", "alg", "kid", "crit"}
	claimNames  = []string{
		"iss", "aud", "sub", "sid", "client_id", "iat", "exp", "nbf", "jti", "auth_time", "amr", "roles",
	}
)

// Verify returns what raw says if raw is a token of this authority: signed by
// one of its keys, for its audience, at a time that includes now. Otherwise
// the error is [ErrExpired] or [ErrInvalid].
//
// A token that was verified before costs a fraction of the first time, whatever
// its algorithm. That its key is still in use and that its time includes now is
// checked every time.
func (a *Authority) Verify(raw string) (*Claims, error) {
	if len(raw) > maxSize {
		return nil, errTooLong
	}
	now := a.now()
	var buf [1024]byte // long enough for most tokens, so that this copy is not allocated
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

// VerifyAny is [Authority.Verify] for tokens of every audience. It is for those
// who ask about a token or take it back, and never a reason to admit it. It
// remembers nothing.
//
// A token counts though its audience is no longer one that tokens are signed for:
// its API takes it until it expires.
func (a *Authority) VerifyAny(raw string) (*Claims, error) {
	v, err := a.verify(raw, a.now(), false)
	if err != nil {
		return nil, err
	}
	return &v.claims, nil
}

// verify is Verify without memory, and VerifyAny unless the token must be for
// the authority's own API.
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
		return nil, invalidError("aud does not name us")
	}
	if err := a.check(v.claims.Issuer, v.claims.ExpiresAt, now); err != nil {
		return nil, err
	}
	return v, nil
}

// payload returns the claims set of a token that one of our keys has signed,
// and that key.
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

// check returns why claims that are well signed and well formed are not to be
// trusted. That they are expired is the last word.
func (a *Authority) check(issuer string, expiresAt, now time.Time) error {
	switch {
	case issuer != a.issuer:
		return invalidError("iss is not ours")
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
	m.reject("crit", "names an extension")
	if m.err != nil {
		return Key{}, m.err
	}
	// RFC 9068 §4 allows both; the names of media types ignore case.
	if !strings.EqualFold(h.Type, tokenType) && !strings.EqualFold(h.Type, "application/"+tokenType) {
		return Key{}, invalidError("typ is not at+jwt")
	}
	key, ok := a.keys.Verifying(h.KeyID, now)
	if !ok {
		return Key{}, invalidError("kid names no key")
	}
	if Algorithm(h.Algorithm) != key.algorithm {
		return Key{}, invalidError("alg is not that of the key")
	}
	return key, nil
}

// decodeClaims reads a claims set. Every claim but nbf and amr is required, and no
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
		Methods:   m.texts("amr"),
		Roles:     m.texts("roles"),
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

// decodeSegment undoes base64url as RFC 7515 §2 defines it.
func decodeSegment(segment string) ([]byte, error) {
	doc, err := strictBase64.DecodeString(segment)
	// The decoder skips line breaks, even when strict: they show in the length.
	if err != nil || len(segment) != strictBase64.EncodedLen(len(doc)) {
		return nil, invalidError("segment is not base64url")
	}
	return doc, nil
}
