// Package request owns what travels with one HTTP request through every layer: its id, where it
// came from, and what its log line will say. It depends on nothing, so that every room may use it.
package request

import (
	"context"
	"net/netip"
	"time"
)

// Info describes one request. Each request has its own; it is written by the goroutine that
// serves the request and must not be used after the response.
type Info struct {
	// ID names the request in the log and in every error the client sees.
	ID string
	// Client is the address of the client, taken from forwarding headers only when a trusted
	// proxy set them. It is the zero Addr when the request did not come over HTTP.
	Client netip.Addr
	// UserAgent is what the client calls itself, cut to a length that is safe to store.
	UserAgent string

	// RefreshToken is the refresh token that came in a cookie; empty when none did. It is a secret.
	RefreshToken string
	// Cookies gives the browser a cookie with a refresh token. Nil where that is impossible: outside
	// of HTTP, and in a request that a page of a foreign origin makes.
	Cookies Cookies

	// Operation is the name of the GraphQL operation, for the log. It is outside text.
	Operation string
	// Code is the code of the first error in the response, for the log; empty for success.
	Code string
	// Forbidden says that something was refused to a caller who is signed in. The log names them then.
	Forbidden bool
}

// Cookies sets cookies in an answer that has not begun.
type Cookies interface {
	// SetRefreshToken lets the browser keep a refresh token for some time, where scripts cannot read
	// it, and send it with each request. The empty one makes it forget.
	SetRefreshToken(token string, maxAge time.Duration)
}

type key struct{}

// With returns a context that carries info.
func With(ctx context.Context, info *Info) context.Context {
	return context.WithValue(ctx, key{}, info)
}

// From returns the Info of ctx. Outside of a request (a command, a job) it returns a new, empty one.
func From(ctx context.Context) *Info {
	if info, ok := ctx.Value(key{}).(*Info); ok {
		return info
	}
	return &Info{}
}
