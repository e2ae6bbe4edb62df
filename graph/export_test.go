package graph

import (
	"context"
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/executor"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/throttle"
)

// AccessSchema returns the schema with its access rules.
var AccessSchema = accessSchema

// Admitting returns Options with admit in place of the Throttle.
func Admitting(
	o Options, admit func(context.Context, []throttle.Use) (settle func(context.Context, int, throttle.Result), err error),
) Options {
	o.admit = admit
	return o
}

// SendsMail are the fields that send mail.
var SendsMail = sendsMail

// Directives returns the functions around fields, arguments and input fields.
var Directives = directives

// NewExecutor returns what executes operations, without the extensions of New.
func NewExecutor(access *access.Service) (*executor.Executor, error) {
	schema, err := accessSchema(false)
	if err != nil {
		return nil, err
	}
	return executor.New(newOperationExecutor(newConfig(&Resolver{access: access}, schema), access, schema)), nil
}

// NewWatched is New with two changes: around runs around each field, outside of its guard, and what a
// field's guard lets pass goes to admitted in place of the resolver, unless that is nil.
func NewWatched(around graphql.FieldMiddleware, admitted graphql.Resolver) func(Options) (http.Handler, error) {
	return func(o Options) (http.Handler, error) {
		schema, err := effectiveSchema(o.RequireVerifiedEmail, o.RateLimits)
		if err != nil {
			return nil, err
		}
		resolver, err := newResolver(o, schema)
		if err != nil {
			return nil, err
		}
		config := newConfig(resolver, schema)
		decide := config.Directives.Auth
		config.Directives.Auth = func(
			ctx context.Context, object any, next graphql.Resolver,
			requires []auth.Role, permissions []string, orOwner bool, check auth.Check, maxAge *int,
			assurance *auth.RequiredAssurance, verified *bool,
		) (any, error) {
			if admitted != nil && graphql.GetPathContext(ctx) == nil { // otherwise it guards an argument or an input field
				next = admitted
			}
			return decide(ctx, object, next, requires, permissions, orOwner, check, maxAge, assurance, verified)
		}
		server, err := newServer(config, schema, resolver, o)
		if err != nil {
			return nil, err
		}
		server.AroundFields(around)
		return server, nil
	}
}
