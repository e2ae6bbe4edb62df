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
	lru   *simplelru.LRU[string, *remembered]
	bytes int // of the documents' text
}

type remembered struct {
	document *ast.QueryDocument
	costs    map[*ast.OperationDefinition]int // of operations without variables
}

func newDocuments() *documents {
	d := &documents{}
	// The error is for a size of less than one; there is no limit of number.
	d.lru, _ = simplelru.NewLRU(math.MaxInt, func(query string, _ *remembered) { d.bytes -= len(query) })
	return d
}

// Get returns the document that query is the text of.
func (d *documents) Get(_ context.Context, query string) (*ast.QueryDocument, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, ok := d.lru.Get(query); ok {
		return r.document, true
	}
	return nil, false
}

// cost returns what count says of an operation of the document that query is the text of, and
// remembers it as long as the document.
func (d *documents) cost(query string, operation *ast.OperationDefinition, count func() int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	r, ok := d.lru.Peek(query)
	if !ok {
		return count()
	}
	cost, ok := r.costs[operation]
	if !ok {
		cost = count()
		r.costs[operation] = cost
	}
	return cost
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
	d.lru.Add(query, &remembered{document, map[*ast.OperationDefinition]int{}})
	for d.bytes += len(query); d.bytes > maxDocuments; {
		d.lru.RemoveOldest()
	}
}
