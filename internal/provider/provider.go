// Package provider owns sign-ins at other parties: OpenID Connect issuers (OpenID Connect Core 1.0) and servers with plain
// OAuth 2.0 (RFC 6749). It sends browsers there, exchanges what they bring back, and says whose account it was. It knows no
// user of Usher.
//
// A provider is trusted with its own accounts only, and its answers are outside bytes. So each has a bounded size, arrives in a
// bounded time from an address that the settings allow, and is read strictly. Nothing is stored but the discovery document and the
// keys, in memory. The caller keeps a [Request] between its two halves, binds it to one browser, and uses it once.
package provider

import (
	"errors"
	"time"
)

// The errors of what comes from a provider. They have a reason for the log, which contains no secret.
var (
	// ErrUnavailable says that the provider could not be asked, or did not answer in time.
	ErrUnavailable = errors.New("the provider is not available")
	// ErrRefused says that the provider's answer does not prove who the user is.
	ErrRefused = errors.New("the answer of the provider is not valid")
	// ErrDomain says that the settings do not allow the user's organization.
	ErrDomain = errors.New("accounts of this organization may not sign in")
)

// Request is a sign-in that has begun.
type Request struct {
	// State identifies it in the answer of the browser (RFC 6749 §10.12).
	State string
	// Nonce identifies it in the ID token (OpenID Connect Core 1.0 §3.1.2.1).
	Nonce string
	// Verifier is the code verifier of PKCE (RFC 7636 §4.1).
	Verifier string
}

// Response is what a browser brings back.
type Response struct {
	// Code is the authorization code.
	Code string
	// Issuer is the parameter iss (RFC 9207 §2); nil without it.
	Issuer *string
	// User is the parameter user of Apple, JSON with the name of a user who signs in for the first time; empty without it.
	User string
}

// Identity is an account at a provider.
type Identity struct {
	// Issuer and Subject identify it. Neither changes for as long as the account exists, and no other account ever has both.
	Issuer, Subject string
	// Email is its address; empty without one. EmailVerified is what the provider says of it.
	Email         string
	EmailVerified bool
	// Name is the full name of its user, and Locale a language tag (BCP 47); empty if unknown.
	Name, Locale string
	// MultiFactor says that the provider has checked two factors, and that the settings trust it in that.
	MultiFactor bool
	// AuthenticatedAt is when the user authenticated there: the claim auth_time of the ID token or, without it, iat. It is zero
	// without an ID token.
	AuthenticatedAt time.Time
	// ExpiresAt is when the ID token expires; zero without one.
	ExpiresAt time.Time
}
