package graph

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// TestSchema holds the schema of the repository itself to the rules.
func TestSchema(t *testing.T) {
	t.Parallel()
	if err := Check(); err != nil {
		t.Error(err)
	}
	described(t, parsedSchema)
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
