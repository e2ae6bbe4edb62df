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

// Access returns the access table of a server with these settings, unless Check returns an error.
func Access(requireVerifiedEmail bool, limits map[string]directive.Override) ([]directive.Entry, error) {
	schema, err := effectiveSchema(requireVerifiedEmail, limits)
	if err != nil {
		return nil, err
	}
	return schema.Access(), nil
}

// AccessJSON returns Access by type as JSON, for the console.
func AccessJSON(requireVerifiedEmail bool, limits map[string]directive.Override) ([]byte, error) {
	schema, err := effectiveSchema(requireVerifiedEmail, limits)
	if err != nil {
		return nil, err
	}
	return json.Marshal(schema.AccessByType())
}
