package limit

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

func TestDocuments(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query string
		want  bool
	}{
		"plain":        {`{ me { id } }`, true},
		"number":       {`{ sessions(first: 5) { id } }`, true},
		"string":       {`mutation { login(input: {identifier: "a", password: "b"}) { tokenType } }`, false},
		"block string": {`mutation { login(input: {identifier: $a, password: """b"""}) { tokenType } }`, false},
		"default":      {`mutation($p: Password = "b") { login(input: {identifier: $a, password: $p}) { tokenType } }`, false},
		"longest":      {`{ me }` + strings.Repeat(" ", maxDocument-len(`{ me }`)), true},
		"too long":     {`{ me }` + strings.Repeat(" ", maxDocument-len(`{ me }`)+1), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDocuments()
			document := &ast.QueryDocument{}
			d.Add(t.Context(), tt.query, document)
			got, ok := d.Get(t.Context(), tt.query)
			if ok != tt.want || ok && got != document {
				t.Errorf("remembered %t, want %t", ok, tt.want)
			}
		})
	}
}

// TestDocumentsForget fills the memory several times over, from several sides.
func TestDocumentsForget(t *testing.T) {
	t.Parallel()
	d := newDocuments()
	const used = `{ used }`
	d.Add(t.Context(), used, &ast.QueryDocument{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 1000 {
				query := "{ a" + strconv.Itoa(i) + strings.Repeat(" ", 1000) + "}"
				d.Add(t.Context(), query, &ast.QueryDocument{})
				d.Get(t.Context(), used)
			}
		})
	}
	wg.Wait()
	size := 0
	for _, query := range d.lru.Keys() {
		size += len(query)
	}
	if size != d.bytes || size > maxDocuments || size < maxDocuments-maxDocument {
		t.Errorf("%d bytes are remembered and %d counted, want the same and about %d", size, d.bytes, maxDocuments)
	}
	if _, ok := d.Get(t.Context(), used); !ok {
		t.Error("forgot what was used all the time")
	}
	if _, ok := d.Get(t.Context(), "{ a0"+strings.Repeat(" ", 1000)+"}"); ok {
		t.Error("remembers what was not used for longest")
	}
}

// TestDocumentsCost shows that a cost is counted once as long as the document is remembered.
func TestDocumentsCost(t *testing.T) {
	t.Parallel()
	d := newDocuments()
	one, two := &ast.OperationDefinition{}, &ast.OperationDefinition{}
	counted := 0
	cost := func(query string, of *ast.OperationDefinition) int {
		return d.cost(query, of, func() int { counted++; return counted })
	}
	const query = `query A { me { id } } query B { me { username } }`
	if cost(query, one) != 1 || cost(query, one) != 2 {
		t.Error("the cost of a document that is not remembered is")
	}
	d.Add(t.Context(), query, &ast.QueryDocument{})
	for range 3 {
		if got := cost(query, one); got != 3 {
			t.Errorf("cost %d of one operation, want 3", got)
		}
		if got := cost(query, two); got != 4 {
			t.Errorf("cost %d of the other, want 4", got)
		}
	}
}
