// Package token owns access tokens: what they say, how they are signed and how
// they are verified.
//
// An access token is a JWT in the profile of RFC 9068. An [Authority] signs for
// one issuer, with keys that come from its own [KeySet] and from nowhere else. It
// signs for its own API and for those of others, and admits to its own only what
// it signed for that.
//
// The signature algorithms are those of golang-jwt. Its parser is not used: it
// accepts an unknown crit, any typ, an iat in the future, numbers in strings
// and claim names in any case. Segments, header and claims are read here.
package token

import (
	"errors"
	"time"
)

// What [Authority.Verify] can answer besides nil. Every error matches exactly
// one of the two under errors.Is.
var (
	// ErrExpired means that the token is past its exp and sound in every other
	// respect.
	ErrExpired = errors.New("token: expired")

	// ErrInvalid means that the token is not one to trust. The error's text
	// names the reason, for debug logs; the caller has nothing to decide by it.
	ErrInvalid = errors.New("token: invalid")
)

// invalidError is the reason why a token is invalid. It names rules and
// well-known members only, never a value out of the token.
type invalidError string

func (e invalidError) Error() string { return ErrInvalid.Error() + ": " + string(e) }

func (e invalidError) Unwrap() error { return ErrInvalid }

// Claims is what an access token says. It holds no personal data: anybody who
// holds the token can read it.
type Claims struct {
	Issuer    string // iss
	Audience  string // aud: the API that the token is for
	Subject   string // sub: the user's id
	SessionID string // sid
	ClientID  string // client_id
	ID        string // jti

	// Times are UTC, in whole seconds.
	IssuedAt  time.Time // iat
	ExpiresAt time.Time // exp
	AuthTime  time.Time // auth_time: when the user authenticated

	// Methods are the ways in which they did (RFC 8176): amr.
	Methods []string
	Roles   []string // roles
}
