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
	// maxDocument is the size of the longest document that is cached, in bytes.
	maxDocument = 8 << 10
	// maxDocuments is the size of all cached documents, in bytes of text. A parsed document takes about
	// 20 times the size of its text, and 120 times at worst.
	maxDocuments = 256 << 10
)

// documents is an LRU cache of documents that are parsed, measured and valid.
type documents struct {
	// prepared are the documents that are never evicted, by text. bytes does not include them. They do not change after
	// the server has started.
	prepared map[string]*cachedDocument

	mu    sync.Mutex
	lru   *simplelru.LRU[string, *cachedDocument]
	bytes int // of the documents' text
}

type cachedDocument struct {
	document *ast.QueryDocument
	costs    map[*ast.OperationDefinition]int // of operations without variables
}

func newDocuments() *documents {
	d := &documents{prepared: map[string]*cachedDocument{}}
	// The error is for a size below one. The number of documents has no limit.
	d.lru, _ = simplelru.NewLRU(math.MaxInt, func(query string, _ *cachedDocument) { d.bytes -= len(query) })
	return d
}

// Get returns the document with the text query.
func (d *documents) Get(_ context.Context, query string) (*ast.QueryDocument, bool) {
	if r, ok := d.prepared[query]; ok {
		return r.document, true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if r, ok := d.lru.Get(query); ok {
		return r.document, true
	}
	return nil, false
}

// cost returns what count returns for an operation of the document with the text query. It keeps the
// result as long as the document.
func (d *documents) cost(query string, operation *ast.OperationDefinition, count func() int) int {
	if r, ok := d.prepared[query]; ok {
		return r.costs[operation]
	}
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

// Add caches a document, unless it is long or contains a string. The string may be a password, which must
// not stay in memory. Also, a client that writes values into documents rarely sends one twice.
func (d *documents) Add(_ context.Context, query string, document *ast.QueryDocument) {
	if len(query) > maxDocument || strings.Contains(query, `"`) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lru.Contains(query) {
		return
	}
	d.lru.Add(query, &cachedDocument{document, map[*ast.OperationDefinition]int{}})
	for d.bytes += len(query); d.bytes > maxDocuments; {
		d.lru.RemoveOldest()
	}
}
