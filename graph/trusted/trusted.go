// Package trusted owns trusted documents: the GraphQL documents that an application was built with. A build
// tool writes them to a manifest. Requests can then name a document by its id, and the server can refuse all
// other documents.
package trusted

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	"usher/internal/jsonobject"
)

const (
	// MaxManifest is the size of the largest manifest, in bytes. A parsed document takes about 20 times the size
	// of its text, and all of them stay in memory.
	MaxManifest = 4 << 20
	// maxID is the length of the longest id, in bytes.
	maxID = 256
)

// Documents are the documents of a manifest. They do not change, so they are safe for concurrent use.
type Documents struct {
	byID   map[string]string
	byHash map[string]string // by hash
	texts  map[string]bool
}

// ReadFile reads the manifest in a file.
func ReadFile(path string) (*Documents, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err // names the path
	}
	defer func() { _ = file.Close() }()
	manifest, err := io.ReadAll(io.LimitReader(file, MaxManifest+1))
	if err != nil {
		return nil, err
	}
	documents, err := Read(manifest)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return documents, nil
}

// Read reads a manifest. There are two formats:
//
//   - an object of texts by id, which graphql-codegen and the Relay compiler write,
//   - Apollo's: {"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id", "body", …}]}.
func Read(manifest []byte) (*Documents, error) {
	if len(manifest) > MaxManifest {
		return nil, fmt.Errorf("the manifest is larger than %d MiB", MaxManifest>>20)
	}
	object, err := jsonobject.Read(manifest)
	if err != nil {
		return nil, fmt.Errorf("the manifest is invalid: %w", err)
	}
	if object["format"] == apolloFormat {
		if object, err = readApollo(object); err != nil {
			return nil, err
		}
	}
	byID := make(map[string]string, len(object))
	for id, value := range object {
		text, ok := value.(string)
		switch {
		case !ok:
			return nil, fmt.Errorf("the document %.80q is not a string", id)
		case id == "" || len(id) > maxID:
			return nil, fmt.Errorf("the id %.80q must have 1 to %d bytes", id, maxID)
		}
		byID[id] = text
	}
	if len(byID) == 0 {
		return nil, errors.New("the manifest has no documents")
	}
	return newDocuments(byID), nil
}

// Join returns the documents of several manifests. An id that has several texts names the first one.
func Join(manifests ...*Documents) *Documents {
	joined := newDocuments(map[string]string{})
	for _, d := range manifests {
		for id, text := range d.byID {
			if _, taken := joined.byID[id]; !taken {
				joined.byID[id] = text
			}
		}
		maps.Copy(joined.byHash, d.byHash)
		maps.Copy(joined.texts, d.texts)
	}
	return joined
}

func newDocuments(byID map[string]string) *Documents {
	d := &Documents{byID: byID, byHash: make(map[string]string, len(byID)), texts: make(map[string]bool, len(byID))}
	for _, text := range byID {
		d.byHash[hash(text)], d.texts[text] = text, true
	}
	return d
}

const apolloFormat = "apollo-persisted-query-manifest"

// readApollo returns the documents of a manifest in Apollo's format by id.
func readApollo(manifest map[string]any) (map[string]any, error) {
	if manifest["version"] != json.Number("1") {
		return nil, errors.New(`the manifest must have the version 1 of Apollo's format`)
	}
	operations, ok := manifest["operations"].([]any)
	if !ok {
		return nil, errors.New(`the manifest's "operations" must be a list`)
	}
	byID := make(map[string]any, len(operations))
	for i, o := range operations {
		operation, _ := o.(map[string]any)
		id, isID := operation["id"].(string)
		if _, isBody := operation["body"].(string); !isID || !isBody {
			return nil, fmt.Errorf(`operations[%d] must have an "id" and a "body"`, i)
		}
		if other, found := byID[id]; found && other != operation["body"] {
			return nil, fmt.Errorf("two documents have the id %.80q", id)
		}
		byID[id] = operation["body"]
	}
	return byID, nil
}

// Text returns the document with an id. That is an id of the manifest, the SHA-256 hash of the text in hexadecimal
// as Apollo's clients send it, or "sha256:" and that hash (GraphQL over HTTP, "SHA256 Hex Document Identifier").
func (d *Documents) Text(id string) (string, bool) {
	if text, ok := d.byID[id]; ok {
		return text, true
	}
	text, ok := d.byHash[strings.TrimPrefix(id, "sha256:")]
	return text, ok
}

// Contains reports whether the manifest has a document with this text.
func (d *Documents) Contains(text string) bool { return d.texts[text] }

// Len returns the number of ids.
func (d *Documents) Len() int { return len(d.byID) }

// All returns the documents by id, in the order of their ids.
func (d *Documents) All() iter.Seq2[string, string] {
	return func(yield func(id, text string) bool) {
		for _, id := range slices.Sorted(maps.Keys(d.byID)) {
			if !yield(id, d.byID[id]) {
				return
			}
		}
	}
}

// hash returns the lower-case hexadecimal SHA-256 hash of a text.
func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
