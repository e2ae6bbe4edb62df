//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// TestClients uses urql and Apollo Client with the settings that decide how they send queries: by GET, as hashes
// and in batches.
func TestClients(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		node(t, "clients", "clients.mjs", s.url+"/graphql")
	})
}

var codegenConfig = regexp.MustCompile("(?s)<!-- codegen.ts -->\n```ts\n(.*?)```")

// TestTrustedDocuments generates code and a manifest with graphql-codegen and its configuration in docs/clients.md.
// Then it sends the documents with several clients to a server that accepts no others.
func TestTrustedDocuments(t *testing.T) {
	install(t, "clients")
	project, err := os.MkdirTemp("clients", "project-") //nolint:usetesting // Node.js looks for packages in the folders above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(project) })
	if project, err = filepath.Abs(project); err != nil {
		t.Fatal(err)
	}
	config := codegenConfig.FindStringSubmatch(read(t, filepath.Join("..", "..", "docs", "clients.md")))
	if config == nil {
		t.Fatal("docs/clients.md has no configuration of graphql-codegen")
	}
	source := filepath.Join(project, "src")
	if err := os.Mkdir(source, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(project, "codegen.ts"), config[1])
	write(t, filepath.Join(project, "schema.graphqls"), read(t, filepath.Join("..", "..", "schema.graphqls")))
	write(t, filepath.Join(source, "operations.ts"), read(t, filepath.Join("clients", "operations.ts")))
	cmd := exec.CommandContext(t.Context(), "node", filepath.Join("..", "node_modules", "@graphql-codegen", "cli", "esm", "bin.js"))
	cmd.Dir = project
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("graphql-codegen: %v\n%s", err, out)
	}
	generated := filepath.Join(source, "gql")
	each(t, func(t *testing.T, s *server) {
		node(t, "clients", "trusted.mjs", s.url+"/graphql", generated)
	}, "--trusted-documents", filepath.Join(generated, "persisted-documents.json"), "--trusted-documents-mode", "only")
}
