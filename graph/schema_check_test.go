package graph

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

const guards = `
directive @auth(requires: [Role!]! = [USER], check: AuthCheck! = SESSION) on FIELD_DEFINITION
directive @public on FIELD_DEFINITION
enum Role { USER ADMIN }
enum AuthCheck { SESSION TOKEN }
`

func TestCheckSchema(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sdl  string
		want []string // each is part of the error; none means no error
	}{
		"guarded":         {sdl: guards + `type Query { a: Int @auth b: Int @public }`},
		"single role":     {sdl: guards + `type Query { a: Int @auth(requires: ADMIN) }`},
		"nested is free":  {sdl: guards + `type Query { a: T @auth } type T { x: Int y: Int @auth(requires: ADMIN) }`},
		"neither":         {sdl: guards + `type Query { a: Int @auth b: Int }`, want: []string{"Query.b"}},
		"both":            {sdl: guards + `type Query { a: Int @auth @public }`, want: []string{"Query.a"}},
		"mutation":        {sdl: guards + `type Query { a: Int @auth } type Mutation { m: Int }`, want: []string{"Mutation.m"}},
		"subscription":    {sdl: guards + `type Query { a: Int @auth } type Subscription { s: Int }`, want: []string{"Subscription.s"}},
		"renamed root":    {sdl: guards + `schema { query: Root } type Root { a: Int }`, want: []string{"Root.a"}},
		"extended root":   {sdl: guards + `type Query { a: Int @auth } extend type Query { b: Int }`, want: []string{"Query.b"}},
		"every one named": {sdl: guards + `type Query { a: Int b: Int }`, want: []string{"Query.a", "Query.b"}},
		"no role":         {sdl: guards + `type Query { a: Int @auth(requires: []) }`, want: []string{"Query.a"}},
		"on an interface field": {
			sdl:  guards + `type Query { a: Int @auth } interface I { x: Int @auth } type T implements I { x: Int }`,
			want: []string{"I.x"},
		},
		"declared for objects": {
			sdl:  strings.Replace(guards, "@public on FIELD_DEFINITION", "@public on FIELD_DEFINITION | OBJECT", 1) + `type Query @public { a: Int @auth }`,
			want: []string{"directive @public", "Query bears @public"},
		},
		"declared for arguments": {
			sdl:  strings.Replace(guards, "SESSION) on FIELD_DEFINITION", "SESSION) on FIELD_DEFINITION | ARGUMENT_DEFINITION", 1) + `type Query { a(x: Int @auth): Int @auth }`,
			want: []string{"directive @auth", "Query.a(x:)"},
		},
		"declared for input fields": {
			sdl:  strings.Replace(guards, "SESSION) on FIELD_DEFINITION", "SESSION) on INPUT_FIELD_DEFINITION", 1) + `type Query { a: Int @public } input In { x: Int @auth }`,
			want: []string{"directive @auth", "In.x"},
		},
		"not declared": {sdl: `type Query { a: Int }`, want: []string{"@auth is not declared", "@public is not declared", "Query.a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema, err := gqlparser.LoadSchema(&ast.Source{Name: "test", Input: tt.sdl})
			if err != nil {
				t.Fatal(err)
			}
			err = checkSchema(schema)
			if len(tt.want) == 0 {
				if err != nil {
					t.Fatalf("checkSchema: %v, want no error", err)
				}
				return
			}
			if err == nil {
				t.Fatalf("checkSchema accepted it, want an error about %q", tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("checkSchema: %v, want it to name %q", err, want)
				}
			}
		})
	}
}

// TestSchema holds the schema of the repository itself to the rules.
func TestSchema(t *testing.T) {
	t.Parallel()
	schema := NewExecutableSchema(Config{}).Schema()
	if err := checkSchema(schema); err != nil {
		t.Error(err)
	}
	described(t, schema)
}

// described fails for everything in the schema without a description: they are the documentation
// of the people who use it.
func described(t *testing.T, schema *ast.Schema) {
	need := func(place, description string) {
		if strings.TrimSpace(description) == "" {
			t.Errorf("%s has no description", place)
		}
	}
	for name, def := range schema.Types {
		if def.BuiltIn {
			continue
		}
		need(name, def.Description)
		for _, v := range def.EnumValues {
			need(name+"."+v.Name, v.Description)
		}
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			need(name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				need(name+"."+f.Name+"("+a.Name+":)", a.Description)
			}
		}
	}
	for name, d := range schema.Directives {
		if d.Position.Src.BuiltIn {
			continue
		}
		need("@"+name, d.Description)
		for _, a := range d.Arguments {
			need("@"+name+"("+a.Name+":)", a.Description)
		}
	}
}

func TestCheckDirectives(t *testing.T) {
	t.Parallel()
	full := directives(nil)
	if err := checkDirectives(full); err != nil {
		t.Errorf("checkDirectives: %v for the server's own directives", err)
	}
	full.Auth = nil
	if err := checkDirectives(full); err == nil || !strings.Contains(err.Error(), "@auth") {
		t.Errorf("checkDirectives: %v, want an error that names @auth", err)
	}
}
