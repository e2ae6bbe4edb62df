// Package cookie owns the cookie in which a browser keeps a refresh token: what a request brought of it, and what
// the browser shall do with it. The HTTP edge reads and writes the header; the GraphQL edge decides.
package cookie

import (
	"context"
	"time"
)

// Jar is the cookie of one request.
type Jar struct {
	// Set makes the browser keep a refresh token for some time, or forget it when that is zero. It is nil when
	// no cookie can be set: outside of HTTP, and in a request from a page of a foreign origin.
	Set func(refreshToken string, maxAge time.Duration)

	token   string
	present bool
}

// Receive notes the refresh token that came in the cookie.
func (j *Jar) Receive(refreshToken string) { j.token, j.present = refreshToken, true }

// RefreshToken returns the refresh token that the browser keeps, and whether it keeps one at all. It is a secret.
func (j *Jar) RefreshToken() (token string, ok bool) { return j.token, j.present }

// Keep makes the browser keep a refresh token, where no script can read it, and send it with each request.
func (j *Jar) Keep(refreshToken string, maxAge time.Duration) {
	j.Set(refreshToken, maxAge)
	j.Receive(refreshToken)
}

// Forget takes the refresh token away from a browser that keeps one.
func (j *Jar) Forget() {
	if j.present {
		j.Set("", 0)
		j.token, j.present = "", false
	}
}

type key struct{}

// With returns a context that carries the request's Jar.
func With(ctx context.Context, j *Jar) context.Context { return context.WithValue(ctx, key{}, j) }

// From returns the Jar of ctx. Without one it is empty and cannot be set.
func From(ctx context.Context) *Jar {
	if j, ok := ctx.Value(key{}).(*Jar); ok {
		return j
	}
	return &Jar{}
}
