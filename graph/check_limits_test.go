package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph/directive"
)

// TestCheckLimits removes the limits of each field in turn, or leaves one that does not refuse. The server starts only if the field neither checks a
// credential nor sends mail.
func TestCheckLimits(t *testing.T) {
	t.Parallel()
	needed := 0
	for _, name := range limitedMutations() {
		for _, instead := range []string{"", `@rateLimit(name: "other", max: 1, per: "1h", exceeded: CHALLENGE)`} {
			schema := withLimits(t, name, instead)
			checked, err := directive.New(schema, guardedTypes, false)
			if err != nil { // the field takes no challenge
				continue
			}
			err = checkLimits(checked)
			if must := sendsMail["Mutation."+name] || takesCredential(schema, name); must != (err != nil) {
				t.Errorf("%s with %q: %v, must have a limit: %t", name, instead, err, must)
			} else if must {
				needed++
			}
			if err != nil && !strings.Contains(err.Error(), "Mutation."+name+" ") {
				t.Errorf("%v does not name Mutation.%s", err, name)
			}
		}
	}
	if needed < 15 {
		t.Errorf("only %d fields need their limit", needed)
	}
}

// limitedMutations returns the names of all mutations with a limit.
func limitedMutations() (names []string) {
	for _, f := range parsedSchema.Mutation.Fields {
		if f.Directives.ForName("rateLimit") != nil {
			names = append(names, f.Name)
		}
	}
	return names
}

// withLimits loads the schema again, with other limits on one mutation.
func withLimits(t *testing.T, name, limits string) *ast.Schema {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{
		Name: "schema.graphqls", Input: SDL() + "\nextend type Mutation { added: Int @public " + limits + " }",
	})
	if err != nil {
		t.Fatal(err)
	}
	field, added := schema.Mutation.Fields.ForName(name), schema.Mutation.Fields.ForName("added")
	field.Directives = slices.DeleteFunc(field.Directives, func(d *ast.Directive) bool { return d.Name == "rateLimit" })
	field.Directives = append(field.Directives, added.Directives.ForNames("rateLimit")...)
	added.Directives = added.Directives.ForNames("public")
	return schema
}

// takesCredential reports whether a mutation has a credential among the fields of its input, at any depth.
func takesCredential(schema *ast.Schema, name string) bool {
	for _, a := range schema.Mutation.Fields.ForName(name).Arguments {
		if holdsCredential(schema, a.Type.Name()) {
			return true
		}
	}
	return false
}

func holdsCredential(schema *ast.Schema, name string) bool {
	return name == "Password" || name == "OneTimeSecret" || slices.ContainsFunc(schema.Types[name].Fields, func(f *ast.FieldDefinition) bool {
		return holdsCredential(schema, f.Type.Name())
	})
}
