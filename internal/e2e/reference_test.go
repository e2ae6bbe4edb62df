//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/e2e/operations"
	"usher/internal/storetest"
)

var (
	referenceSeed  = flag.Uint64("reference.seed", 1, "seed of TestReference")
	referenceCount = flag.Int("reference.count", 5000, "number of operations that TestReference compares")
)

// TestReference compares the server with graphql-js, the reference implementation of GraphQL. If graphql-js
// rejects an operation before execution, because of the document, its variables or its arguments, the server
// must reject it with a request error too.
func TestReference(t *testing.T) {
	t.Parallel()
	schemaFile := filepath.Join("..", "..", "schema.graphqls")
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: read(t, schemaFile)})
	if err != nil {
		t.Fatal(err)
	}
	words := operations.Words{ // wrong ones, so that no operation takes the time of a sign-in
		"Password": {"hunter2", "hunter2 hunter2"},
		"Username": {"someone"},
	}
	batch := make([]operations.Operation, *referenceCount)
	for i := range batch {
		batch[i] = operations.New(schema, words, operations.NewSource(*referenceSeed+uint64(i)))
	}
	verdicts := verdictsOfReference(t, schemaFile, batch)

	s := start(t, storetest.URLs["sqlite"](t))
	refused := 0
	disagreements := 0
	for i, op := range batch {
		if verdicts[i] == nil {
			continue
		}
		refused++
		body, answer := refuses(t, s, op)
		if _, ok := answer["data"]; ok {
			disagreements++
			t.Errorf("seed %d: graphql-js says %q, and the server executes\n%s\nanswer %v", *referenceSeed+uint64(i), *verdicts[i], body, answer)
		}
	}
	t.Logf("%d operations: graphql-js refuses %d; the server executes %d of these", len(batch), refused, disagreements)
	if refused < len(batch)/10 || refused > len(batch)*9/10 {
		t.Error("nearly all operations have the same verdict, so the test compared little")
	}
}

// verdictsOfReference checks operations with graphql-js. It returns the error for each one, or nil if it is valid.
func verdictsOfReference(t *testing.T, schemaFile string, batch []operations.Operation) (verdicts []*string) {
	t.Helper()
	dir := t.TempDir()
	input, output := filepath.Join(dir, "operations.json"), filepath.Join(dir, "verdicts.json")
	body, err := json.Marshal(batch)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(input, body, 0o600); err != nil {
		t.Fatal(err)
	}
	schemaFile, err = filepath.Abs(schemaFile)
	if err != nil {
		t.Fatal(err)
	}
	node(t, "reference", "verdicts.mjs", schemaFile, input, output)
	if err := json.Unmarshal([]byte(read(t, output)), &verdicts); err != nil {
		t.Fatal(err)
	}
	if len(verdicts) != len(batch) {
		t.Fatalf("%d verdicts on %d operations", len(verdicts), len(batch))
	}
	return verdicts
}

// refuses sends an operation and returns the request body and the response.
func refuses(t *testing.T, s *server, op operations.Operation) (body []byte, answer map[string]any) {
	t.Helper()
	body, err := json.Marshal(op)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(s.url+"/graphql", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(strings.NewReader(string(raw))).Decode(&answer); err != nil {
		t.Fatalf("%v\n%s\nanswer %s", err, body, raw)
	}
	return body, answer
}
