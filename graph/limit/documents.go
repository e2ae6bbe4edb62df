package limit

import (
	"context"
	"math"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// maxDocument is the longest document that is remembered, in bytes.
	maxDocument = 8 << 10
	// maxDocuments is how much text of documents is remembered, in bytes. A parsed document takes
	// some 20 times its text, at worst 120 times.
	maxDocuments = 256 << 10
)

// documents remembers the parsed, measured and valid documents that were used last.
type documents struct {
	mu    sync.Mutex
	lru   *simplelru.LRU[string, *ast.QueryDocument]
	bytes int // of the documents' text
}

func newDocuments() *documents {
	d := &documents{}
	// The error is for a size of less than one; there is no limit of number.
	d.lru, _ = simplelru.NewLRU(math.MaxInt, func(query string, _ *ast.QueryDocument) { d.bytes -= len(query) })
	return d
}

// Get returns the document that query is the text of.
func (d *documents) Get(_ context.Context, query string) (*ast.QueryDocument, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lru.Get(query)
}

// Add remembers a document, unless it is long or holds a string. The string may be a password, and
// memory is not the place to keep one; also, who writes values into documents has a new document
// for each request.
func (d *documents) Add(_ context.Context, query string, document *ast.QueryDocument) {
	if len(query) > maxDocument || strings.Contains(query, `"`) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lru.Contains(query) {
		return
	}
	d.lru.Add(query, document)
	for d.bytes += len(query); d.bytes > maxDocuments; {
		d.lru.RemoveOldest()
	}
}
