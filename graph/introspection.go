package graph

import (
	"context"
	"slices"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/directive"
	"usher/internal/auth/access"
)

// visibleSchemas are the schemas that introspection shows: one for each part of the schema that callers may use.
type visibleSchemas struct {
	config  Config
	service *access.Service
	schema  *directive.Schema
	byView  sync.Map // *executableSchema by the key of the view; there are few
}

// schemaOf returns the schema for the caller of ctx. Anonymous callers see what every account may use,
// so that they can find out how to sign in and what for.
func (v *visibleSchemas) schemaOf(ctx context.Context) *executableSchema {
	view := v.schema.View(v.service.Allowances(ctx))
	executable, ok := v.byView.Load(view.Key())
	if !ok {
		config := v.config
		config.Schema = view.Visible(withheldNodes(v.schema, view)...)
		executable, _ = v.byView.LoadOrStore(view.Key(), executableOf(config))
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
