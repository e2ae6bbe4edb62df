package limit

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
)

// credentialScalars are the types of credentials.
var credentialScalars = []string{"Password", "OneTimeSecret"}

// CredentialFields returns the fields of objects and interfaces that have a credential among their
// arguments, at any depth. It finds them by type, so that no field has to be listed by hand.
func CredentialFields(schema *ast.Schema) map[*ast.FieldDefinition]bool {
	holds := map[string]bool{}
	for _, name := range credentialScalars {
		holds[name] = true
	}
	for grown := true; grown; {
		grown = false
		for name, def := range schema.Types {
			if def.Kind == ast.InputObject && !holds[name] &&
				slices.ContainsFunc(def.Fields, func(f *ast.FieldDefinition) bool { return holds[f.Type.Name()] }) {
				holds[name], grown = true, true
			}
		}
	}
	fields := map[*ast.FieldDefinition]bool{}
	for _, def := range schema.Types {
		for _, f := range def.Fields { // those of input objects have no arguments
			if slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return holds[a.Type.Name()] }) {
				fields[f] = true
			}
		}
	}
	return fields
}
