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
		"iss", "aud", "sub", "sid", "client_id", "iat", "exp", "nbf", "jti", "auth_time", "roles",
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
	var h wireHeader
	err = members(doc, func(name, value string) (err error) {
		switch name {
		case "typ":
			h.Type, err = text(name, value)
		case "alg":
			h.Algorithm, err = text(name, value)
		case "kid":
			h.KeyID, err = text(name, value)
		case "crit":
			err = invalidError("crit names an extension")
		default:
			err = caseVariant(name, headerNames)
		}
		return err
	})
	if err != nil {
		return Key{}, err
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
	c := &v.claims
	err := members(doc, func(name, value string) (err error) {
		var past time.Time
		switch name {
		case "iss":
			c.Issuer, err = text(name, value)
		case "aud":
			c.Audience, err = text(name, value)
		case "sub":
			c.Subject, err = text(name, value)
		case "sid":
			c.SessionID, err = text(name, value)
		case "client_id":
			c.ClientID, err = text(name, value)
		case "iat":
			past, err = numericDate(name, value)
			c.IssuedAt = past
		case "exp":
			c.ExpiresAt, err = numericDate(name, value)
		case "nbf":
			past, err = numericDate(name, value)
		case "jti":
			c.ID, err = text(name, value)
		case "auth_time":
			past, err = numericDate(name, value)
			c.AuthTime = past
		case "amr":
			c.Methods, err = texts(name, value)
		case "roles":
			c.Roles, err = texts(name, value)
		default:
			err = caseVariant(name, claimNames)
		}
		if past.After(v.notBefore) {
			v.notBefore = past
		}
		if err == nil && past.After(latest) {
			err = invalidError(name + " is in the future")
		}
		return err
	})
	if err != nil {
		return err
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
