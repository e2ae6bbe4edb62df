package graph

import (
	"strings"

	"usher/graph/guard"
)

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

// Access returns the table that says who may have which part of the schema, unless Check has an
// error.
func Access() ([]guard.Access, error) {
	schema, err := guarded()
	if err != nil {
		return nil, err
	}
	return schema.Access(), nil
}
