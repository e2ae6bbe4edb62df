package graph

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/directive"
	"usher/internal/auth"
	"usher/internal/auth/access"
)

// visibleSchemas are the schemas that introspection shows: one for each set of roles, with what those
// roles may use.
type visibleSchemas struct {
	config  Config
	service *access.Service
	schema  *directive.Schema
	byRoles sync.Map // *executableSchema by the names of the roles; there are few combinations
}

// schemaOf returns the schema for the caller of ctx. Anonymous callers see what every account may use,
// so that they can find out how to sign in and what for.
func (v *visibleSchemas) schemaOf(ctx context.Context) *executableSchema {
	roles := v.service.Roles(ctx)
	var names []string
	seen := []auth.Role{auth.RoleUser}
	for _, r := range auth.Roles {
		if slices.Contains(roles, r) && r != auth.RoleUser {
			seen, names = append(seen, r), append(names, string(r))
		}
	}
	key := strings.Join(names, " ")
	executable, ok := v.byRoles.Load(key)
	if !ok {
		config := v.config
		config.Schema = v.schema.Visible(seen, withheldNodes(v.schema, seen)...)
		executable, _ = v.byRoles.LoadOrStore(key, executableOf(config))
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
