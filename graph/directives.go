package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"usher/internal/auth"
)

const (
	directiveAuth   = "auth"
	directivePublic = "public"
)

// directives returns the functions that gqlgen calls around the resolver of each field that bears
// a directive.
func directives(service *auth.Service) DirectiveRoot {
	return DirectiveRoot{
		Auth: func(ctx context.Context, _ any, next graphql.Resolver, requires []auth.Role, check auth.Check) (any, error) {
			if err := service.Authorize(ctx, auth.Rule{Requires: requires, Check: check}); err != nil {
				return nil, err
			}
			return next(ctx)
		},
		Public: func(ctx context.Context, _ any, next graphql.Resolver) (any, error) {
			return next(ctx)
		},
	}
}
