package graph

import "strings"

// SDL returns the schema as it is written in schema.graphqls, with its directives.
func SDL() string {
	var b strings.Builder
	for _, source := range sources {
		if !source.BuiltIn {
			b.WriteString(source.Input)
		}
	}
	return b.String()
}
