// Package token owns access tokens: their claims, how they are signed and how
// they are verified.
//
// An access token is a JWT in the profile of RFC 9068. An [Authority] signs for
// one issuer, and uses only the keys of its own [KeySet]. It signs tokens for its
// own API and for other audiences. For its own API, it accepts only tokens with
// that audience.
//
// The signature algorithms are those of golang-jwt. Its parser is not used: it
// accepts an unknown crit, any typ, an iat in the future, numbers in strings
// and claim names in any case. This package parses segments, header and claims.
package token

import (
	"encoding/json"
	"errors"
	"time"
)

// The errors of [Authority.Verify]. Each error matches exactly one of them with
// errors.Is.
var (
	// ErrExpired means that the token is past its exp and otherwise valid.
	ErrExpired = errors.New("token: expired")

	// ErrInvalid means that the token is not valid. The text of the error names
	// the reason, for debug logs only.
	ErrInvalid = errors.New("token: invalid")
)

// invalidError is the reason why a token is not valid. It contains no values
// from the token.
type invalidError string

func (e invalidError) Error() string { return ErrInvalid.Error() + ": " + string(e) }

func (e invalidError) Unwrap() error { return ErrInvalid }

// Claims are the claims of a user's access token. Apart from Custom they contain no
// personal data, because every holder of the token can read them.
type Claims struct {
	Issuer    string // iss
	Audience  string // aud: the API that the token is for
	Subject   string // sub: the user's ID
	SessionID string // sid
	ClientID  string // client_id
	ID        string // jti

	// Times are UTC, in whole seconds.
	IssuedAt  time.Time // iat
	ExpiresAt time.Time // exp
	AuthTime  time.Time // auth_time: when the user authenticated

	// Methods are the authentication methods (RFC 8176): amr.
	Methods []string
	// Assurance is the level at which the user authenticated (OpenID Connect Core §2): acr.
	// It may be empty.
	Assurance string
	Roles     []string // roles

	// EmailVerified is email_verified (OpenID Connect Core §5.1), false without the
	// claim. [Authority.Sign] ignores it and signs what Custom says.
	EmailVerified bool

	// Custom are further claims by their names, as JSON. They are for services.
	// [Authority.Sign] writes them, and [Authority.Verify] ignores them, except for
	// email_verified.
	Custom map[string]json.RawMessage
}
