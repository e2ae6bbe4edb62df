// Package usher owns the client's side of an Usher server: the operations, the tokens of the
// signed-in user, and the errors. It is meant to be copied.
package usher

import (
	"context"
	"net/http"
	"time"

	"github.com/Khan/genqlient/graphql"
)

//go:generate go tool genqlient

// timeout limits one operation, including a refresh.
const timeout = 30 * time.Second

// NewAnonymous returns a client for what needs no token: [Signup], [Login] and [Refresh].
func NewAnonymous(server string) graphql.Client {
	return newClient(server, http.DefaultTransport)
}

// NewClient returns a client that acts for the user whose credentials the file holds. Without any,
// it returns [ErrSignedOut].
func NewClient(file File) (graphql.Client, error) {
	held, err := file.Load()
	if err != nil {
		return nil, err
	}
	return newClient(held.Server, &Transport{File: file, Base: http.DefaultTransport}), nil
}

func newClient(server string, transport http.RoundTripper) graphql.Client {
	return typed{graphql.NewClient(server+"/graphql", &http.Client{
		Transport: transport,
		Timeout:   timeout,
		// A redirect would take the token, or the password, to an address that nobody chose.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	})}
}

// typed is a client whose operations fail with an [*Error] when the server answered with one.
type typed struct{ graphql.Client }

func (c typed) MakeRequest(ctx context.Context, request *graphql.Request, response *graphql.Response) error {
	return asError(c.Client.MakeRequest(ctx, request, response))
}
