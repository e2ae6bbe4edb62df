package graph

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/guard"
	"usher/internal/auth"
	"usher/internal/auth/access"
)

// introspectable is an executable schema that shows each viewer only what they may use. It is
// validated against as a whole: see guard.Schema.Visible.
type introspectable struct {
	*executableSchema
	config  Config
	service *access.Service
	schema  *guard.Schema
	visible sync.Map // *executableSchema by the names of the roles; there are few combinations
}

func newIntrospectable(config Config, service *access.Service, schema *guard.Schema) *introspectable {
	return &introspectable{executableSchema: executableOf(config), config: config, service: service, schema: schema}
}

func executableOf(config Config) *executableSchema {
	return NewExecutableSchema(config).(*executableSchema)
}

// Exec executes the operation of ctx, a query or a mutation, when its answer is asked for. It takes
// the place of the generated Exec, which is for @defer (see init in handler.go) as well, and with each
// request makes a map of all inputs for graphql.UnmarshalInputFromContext, which nothing here calls.
// Without them the handler of `me` needs 9 % less processor time and a tenth fewer allocations.
func (s *introspectable) Exec(ctx context.Context) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	schema := s.executableSchema
	if introspects(op.Operation.SelectionSet) {
		schema = s.of(s.service.Roles(ctx))
	}
	answered := false
	return func(ctx context.Context) *graphql.Response {
		if answered {
			return nil // the end, for transports that ask until then
		}
		answered = true
		ec := newExecutionContext(op, schema, nil)
		var data graphql.Marshaler
		if op.Operation.Operation == ast.Mutation {
			data = ec._Mutation(ctx, op.Operation.SelectionSet)
		} else {
			data = ec._Query(ctx, op.Operation.SelectionSet)
		}
		var text bytes.Buffer
		text.Grow(typicalData)
		data.MarshalGQL(&text)
		return &graphql.Response{Data: text.Bytes()}
	}
}

// typicalData is the size that most answers do not exceed, in bytes.
const typicalData = 512

// of returns the schema that is to be seen with some roles. Everybody sees what every account may
// use, or nobody could find out how to sign in and what for.
func (s *introspectable) of(roles []auth.Role) *executableSchema {
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
		executable, _ = s.visible.LoadOrStore(key, executableOf(config))
	}
	return executable.(*executableSchema)
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
