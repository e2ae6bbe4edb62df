// Package cookie owns the cookie in which a browser keeps a refresh token: its value in a request, and its value after
// the answer. The HTTP edge reads and writes the headers. The GraphQL edge decides on the value.
package cookie

import (
	"context"
	"time"
)

// Jar is the cookie of one request.
type Jar struct {
	// Set sets the cookie for maxAge, or deletes it when that is zero. It is nil when no cookie can be set: outside
	// of HTTP, and in a request from a page of a foreign origin.
	Set func(refreshToken string, maxAge time.Duration)

	token   string
	present bool

	deviceToken string
}

// DeviceToken returns what the browser has that marks it as a known device; empty for nothing.
func (j *Jar) DeviceToken() string { return j.deviceToken }

// Receive notes the value of the request's cookie.
func (j *Jar) Receive(refreshToken string) { j.token, j.present = refreshToken, true }

// RefreshToken returns the refresh token in the cookie, and whether the browser has the cookie at all.
func (j *Jar) RefreshToken() (token string, ok bool) { return j.token, j.present }

// Keep makes the browser keep a refresh token. Scripts cannot read it.
func (j *Jar) Keep(refreshToken string, maxAge time.Duration) {
	j.Set(refreshToken, maxAge)
	j.Receive(refreshToken)
}

// Forget deletes the cookie, if the browser has it.
func (j *Jar) Forget() {
	if j.present {
		j.Set("", 0)
		j.token, j.present = "", false
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
