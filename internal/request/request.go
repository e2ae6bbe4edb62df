// Package request owns what every layer knows of one HTTP request: on the way in its id and origin, on the way out its
// outcome for the log. It depends on nothing, so every package may use it.
package request

import (
	"context"
	"net/netip"
	"time"
)

// Info describes a request on its way in.
type Info struct {
	// ID names the request in the log and in every error the client sees.
	ID string
	// Client is the address of the client, taken from forwarding headers only when a trusted
	// proxy set them. It is the zero Addr when the request did not come over HTTP.
	Client netip.Addr
	// UserAgent is what the client calls itself, cut to a length that is safe to store.
	UserAgent string
	// AcceptLanguage is the header Accept-Language, cut to a length that is safe to store.
	AcceptLanguage string
	// Trace is a reference to the span of the request, for observe.Link. It is empty if the request is not traced.
	Trace string `json:",omitempty"`
}

// Outcome is the outcome of a request, for the log. The edges set it.
type Outcome struct {
	// Operation is the name of the GraphQL operation, as the client sent it.
	Operation string
	// Code is the code of the first error in the response; empty for success.
	Code string
	// Forbidden says that a signed-in caller was refused something. The log then names the caller.
	Forbidden bool
	// RetryAfter is how long the client has to wait before it repeats the request; zero for not at all.
	RetryAfter time.Duration
	// Limits are the rate limits that apply to the request, the nearest to its limit first.
	Limits []Limit
}

// Limit is a rate limit, as the response tells it to the client.
type Limit struct {
	Name string
	// Max uses are allowed in each period of the length Per.
	Max int
	Per time.Duration
	// Remaining is how many are left until Reset.
	Remaining int
	Reset     time.Duration
}

// Exchange is a request and its outcome. Only the goroutine that serves the request writes to it. It must not be used
// after the response.
type Exchange struct {
	Info    Info
	Outcome Outcome
}

type key struct{}

// With returns a context that carries the exchange.
func With(ctx context.Context, x *Exchange) context.Context {
	return context.WithValue(ctx, key{}, x)
}

// From returns the Info of the request of ctx, an empty one outside of a request (a command, a job).
func From(ctx context.Context) Info { return exchange(ctx).Info }

// OutcomeOf returns the Outcome of the request of ctx, to be set. Outside of a request it is discarded.
func OutcomeOf(ctx context.Context) *Outcome { return &exchange(ctx).Outcome }

func exchange(ctx context.Context) *Exchange {
	if x, ok := ctx.Value(key{}).(*Exchange); ok {
		return x
	}
	return &Exchange{}
}
