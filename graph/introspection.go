package graph

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/guard"
	"usher/internal/auth"
)

// introspectable is an executable schema that shows each viewer only what they may use. It is
// validated against as a whole: see guard.Schema.Visible.
type introspectable struct {
	graphql.ExecutableSchema
	config  Config
	service *auth.Service
	schema  *guard.Schema
	visible sync.Map // graphql.ExecutableSchema by the names of the roles; there are few combinations
}

func newIntrospectable(config Config, service *auth.Service, schema *guard.Schema) *introspectable {
	return &introspectable{ExecutableSchema: NewExecutableSchema(config), config: config, service: service, schema: schema}
}

// Exec executes the operation of ctx.
func (s *introspectable) Exec(ctx context.Context) graphql.ResponseHandler {
	if introspects(graphql.GetOperationContext(ctx).Operation.SelectionSet) {
		return s.of(s.service.Roles(ctx)).Exec(ctx)
	}
	return s.ExecutableSchema.Exec(ctx)
}

// of returns the schema that is to be seen with some roles. Everybody sees what every account may
// use, or nobody could find out how to sign in and what for.
func (s *introspectable) of(roles []auth.Role) graphql.ExecutableSchema {
	var names []string
	seen := []auth.Role{auth.RoleUser}
	for _, r := range auth.Roles {
		if slices.Contains(roles, r) && r != auth.RoleUser {
			seen, names = append(seen, r), append(names, string(r))
		}
	}
	key := strings.Join(names, " ")
	executable, ok := s.visible.Load(key)
	if !ok {
		config := s.config
		config.Schema = s.schema.Visible(seen)
		executable, _ = s.visible.LoadOrStore(key, NewExecutableSchema(config))
	}
	return executable.(graphql.ExecutableSchema)
}

// introspects reports whether root fields ask for the schema, whatever @skip and @include say.
func introspects(set ast.SelectionSet) bool {
	return slices.ContainsFunc(set, func(selection ast.Selection) bool {
		switch s := selection.(type) {
		case *ast.Field:
			return s.Name == "__schema" || s.Name == "__type"
		case *ast.InlineFragment:
			return introspects(s.SelectionSet)
		case *ast.FragmentSpread:
			return introspects(s.Definition.SelectionSet)
		}
		return false
	})
}
