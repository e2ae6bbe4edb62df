package graph_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph"
	"usher/graph/directive"
	"usher/internal/auth"
	"usher/internal/auth/access"
)

// TestFieldBeforeArgument checks that @auth on an argument authorizes the field first: only a caller that
// may read the field learns the rule of the argument.
func TestFieldBeforeArgument(t *testing.T) {
	t.Parallel()
	schema, err := directive.New(gqlparser.MustLoadSchema(&ast.Source{Input: `
		directive @auth(requires: [Role!]! = [USER], permissions: [String!]! = [], orOwner: Boolean! = false,
			check: AuthCheck! = SESSION, maxAge: Int, verified: Boolean) on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION
		directive @public on FIELD_DEFINITION
		scalar Role
		enum AuthCheck { SESSION TOKEN }
		type Query { open(x: Int @auth(requires: ADMIN)): User @public }
		type User { notes(x: Int @auth): Int @auth(requires: [], orOwner: true) }
	`}), map[string]any{"User": (*auth.User)(nil)}, false)
	if err != nil {
		t.Fatal(err)
	}
	service, bearer := oneUser(t)
	caller := access.WithCaller(t.Context(), service.Identify(bearer))
	viewer, err := service.Viewer(caller)
	if err != nil {
		t.Fatal(err)
	}
	mine, other := &viewer.User, &auth.User{ID: uuid.UUID{15: 9}}
	authDirective := graph.Directives(service, schema).Auth
	user := []auth.Role{auth.RoleUser}

	tests := map[string]struct {
		ctx  context.Context
		of   string // the type and field of the argument
		in   any    // the object that has the field
		want auth.Code
	}{
		"own":                          {caller, "User.notes", mine, ""},
		"own, the object itself":       {caller, "User.notes", *mine, ""},
		"own, in a list":               {caller, "User.notes", &mine, ""},
		"somebody else's":              {caller, "User.notes", other, auth.CodeForbidden},
		"somebody else's, itself":      {caller, "User.notes", *other, auth.CodeForbidden},
		"somebody else's, in a list":   {caller, "User.notes", &other, auth.CodeForbidden},
		"nobody's":                     {caller, "User.notes", nil, auth.CodeForbidden},
		"nothing's":                    {caller, "User.notes", (*auth.User)(nil), auth.CodeForbidden},
		"anonymous":                    {t.Context(), "User.notes", other, auth.CodeUnauthenticated},
		"field for everyone":           {caller, "Query.open", nil, ""},
		"field for everyone, not this": {t.Context(), "Query.open", nil, auth.CodeUnauthenticated},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			typeName, field, _ := strings.Cut(tt.of, ".")
			def := schema.Types[typeName].Fields.ForName(field)
			ctx := graphql.WithFieldContext(tt.ctx, &graphql.FieldContext{Result: tt.in})
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{
				Field: graphql.CollectedField{Field: &ast.Field{Name: field, Alias: field, Definition: def}},
			})
			ctx = graphql.WithPathContext(ctx, graphql.NewPathWithField("x"))
			requires := user
			if typeName == "Query" {
				requires = []auth.Role{auth.RoleAdmin}
			}
			read := false
			_, err := authDirective(ctx, nil, func(context.Context) (any, error) { read = true; return nil, nil }, requires, []string{}, false, auth.CheckSession, nil, nil, nil)
			var refused *auth.Error
			errors.As(err, &refused)
			if got := refused; (got == nil) != (tt.want == "") || got != nil && got.Code != tt.want {
				t.Errorf("error %v, want the code %q", err, tt.want)
			}
			if read != (tt.want == "") {
				t.Errorf("the argument was read: %t", read)
			}
		})
	}
}
