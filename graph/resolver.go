package graph

import "usher/internal/auth"

// Resolver answers the fields of the schema. A field's work is done in internal/auth, or in your
// own domain package: add it here as one more member and call it in one line.
type Resolver struct {
	auth *auth.Service
}

// pageSize is the argument first of a connection. The schema's default stands for a null as well.
func pageSize(first *int) int {
	if first == nil {
		return 20
	}
	return *first
}
