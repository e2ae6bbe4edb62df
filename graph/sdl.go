package graph

import (
	"encoding/json"
	"strings"

	"usher/graph/directive"
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

// Access returns the access table of the schema, unless Check returns an error.
func Access() ([]directive.Entry, error) {
	schema, err := accessSchema()
	if err != nil {
		return nil, err
	}
	return schema.Access(), nil
}

// AccessJSON returns the access table by type as JSON, for the console, unless Check returns an error.
func AccessJSON() ([]byte, error) {
	schema, err := accessSchema()
	if err != nil {
		return nil, err
	}
	return json.Marshal(schema.AccessByType())
}
