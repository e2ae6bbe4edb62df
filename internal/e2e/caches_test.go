//go:build e2e

package e2e

import (
	"path/filepath"
	"testing"
)

// TestCaches uses the normalized caches of Relay and urql. They find objects by id.
func TestCaches(t *testing.T) {
	schema := absolute(t, filepath.Join("..", "..", "schema.graphqls"))
	for _, script := range []string{"relay.cjs", "graphcache.cjs"} {
		each(t, func(t *testing.T, s *server) {
			node(t, "caches", script, s.url+"/graphql", schema)
		})
	}
}

// TestSchemaLint checks the schema with the rules of graphql-eslint.
func TestSchemaLint(t *testing.T) {
	t.Parallel()
	node(t, "eslint", "lint.mjs", absolute(t, filepath.Join("..", "..", "schema.graphqls")))
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
