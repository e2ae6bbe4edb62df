// Package cookie owns the cookies in which a browser keeps a refresh token, a device token and what continues a sign-in:
// their values in a request, and their values after the answer. The HTTP edge reads and writes the headers. The GraphQL
// edge decides on the values.
package cookie

import (
	"context"
	"time"
)

// Kind is what a cookie contains.
type Kind int

// The kinds.
const (
	Refresh Kind = iota
	Device
	// Login is what a browser presents to complete a sign-in that it has begun.
	Login
	// Provider is what a browser presents to continue a sign-in at a provider that it has begun. CrossSite is the same, where
	// the provider answers with a POST request from its own site, with which browsers send no other cookie.
	Provider
	CrossSite
)

// Jar is the cookies of one request.
type Jar struct {
	// Set sets a cookie for maxAge, or deletes it when that is zero. It is nil when no cookie can be set: outside
	// of HTTP, and in a request from a page of a foreign origin.
	Set func(kind Kind, value string, maxAge time.Duration)

	refreshToken string
	present      bool
	deviceToken  string
	loginToken   string
	// providerToken is that of Provider or CrossSite. They have the same value, if the browser has both.
	providerToken string
}

// Receive notes the value of a cookie of the request.
func (j *Jar) Receive(kind Kind, value string) {
	switch kind {
	case Device:
		j.deviceToken = value
	case Login:
		j.loginToken = value
	case Provider, CrossSite:
		j.providerToken = value
	case Refresh:
		j.refreshToken, j.present = value, true
	}
}

// DeviceToken returns what marks the browser as a known device; empty for nothing.
func (j *Jar) DeviceToken() string { return j.deviceToken }

// LoginToken returns what completes a sign-in; empty for nothing.
func (j *Jar) LoginToken() string { return j.loginToken }

// ProviderToken returns what continues a sign-in at a provider; empty for nothing.
func (j *Jar) ProviderToken() string { return j.providerToken }

// ForgetLoginToken deletes the cookie that completes a sign-in, if the browser has it.
func (j *Jar) ForgetLoginToken() {
	if j.loginToken != "" && j.Set != nil {
		j.Set(Login, "", 0)
		j.loginToken = ""
	}
}

// RefreshToken returns the refresh token in the cookie, and whether the browser has the cookie at all.
func (j *Jar) RefreshToken() (token string, ok bool) { return j.refreshToken, j.present }

// Keep makes the browser keep a value. Scripts cannot read it.
func (j *Jar) Keep(kind Kind, value string, maxAge time.Duration) {
	j.Set(kind, value, maxAge)
	j.Receive(kind, value)
}

// ForgetRefreshToken deletes the cookie with the refresh token, if the browser has it.
func (j *Jar) ForgetRefreshToken() {
	if j.present {
		j.Set(Refresh, "", 0)
		j.refreshToken, j.present = "", false
	}
}

type key struct{}

// With returns a context that carries the request's Jar.
func With(ctx context.Context, j *Jar) context.Context { return context.WithValue(ctx, key{}, j) }

// From returns the Jar of ctx. If there is none, it returns an empty one that cannot be set.
func From(ctx context.Context) *Jar {
	if j, ok := ctx.Value(key{}).(*Jar); ok {
		return j
	}
	return &Jar{}
}
