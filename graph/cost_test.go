package graph

import (
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// TestLargeValuesCost checks that every field which can make a response large costs more than 1: lists, and JSON
// objects. Otherwise a short operation with aliases could ask for a response of any size.
func TestLargeValuesCost(t *testing.T) {
	t.Parallel()
	small := map[string]string{
		"edges":   "the field with the list counts its elements",
		"roles":   "a user has at most 20 roles, and names have at most 63 bytes",
		"methods": "a session has at most as many as there are", "recoveryCodes": "ten short codes, made by a mutation",
		"providers": "a server has a few, with short names",
		"__type":    "introspection", "__schema": "introspection",
	}
	// Arguments without which the cost cannot be computed.
	arguments := map[string]map[string]any{"dailyActivity": {"days": int64(1)}}
	schema, err := accessSchema(false)
	if err != nil {
		t.Fatal(err)
	}
	executable := NewExecutableSchema(newConfig(&Resolver{}, schema))
	checked := 0
	for _, def := range parsedSchema.Types {
		if def.BuiltIn || def.Kind != ast.Object {
			continue
		}
		for _, field := range def.Fields {
			if field.Type.Elem == nil && field.Type.Name() != "JSONObject" {
				continue
			}
			if _, ok := small[field.Name]; ok && (field.Name != "roles" || field.Type.Name() == "Role") {
				continue
			}
			checked++
			cost, ok := executable.Complexity(t.Context(), def.Name, field.Name, 1, arguments[field.Name])
			if !ok || cost < 2 {
				t.Errorf("%s.%s costs %d (set: %t), although its value can be large", def.Name, field.Name, cost, ok)
			}
		}
	}
	if checked < 7 {
		t.Errorf("%d fields checked", checked)
	}
}
