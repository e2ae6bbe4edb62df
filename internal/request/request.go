// Package request owns what travels with one HTTP request through every layer: its id, where it
// came from, and what its log line will say. It depends on nothing, so that every room may use it.
package request

import (
	"context"
	"net/netip"
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

	// Operation is the name of the GraphQL operation, for the log. It is outside text.
	Operation string
	// Code is the code of the first error in the response, for the log; empty for success.
	Code string
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
