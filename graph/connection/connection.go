// Package connection owns the lists of the schema: pages, edges and cursors, as the GraphQL Cursor Connections
// Specification defines them. Cursors are signed, so that a client can continue only from a page that it has got.
package connection

import (
	"fmt"

	"usher/internal/auth"
	"usher/internal/seal"
)

// PageInfo describes the position of a page in a connection.
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// MaxPage is the largest size of a page.
const MaxPage = 100

// list is a list of T that is read page by page. P is a position in it.
type list[T, P any] struct {
	// scope identifies the list and its order. Cursors of another scope are invalid.
	scope string
	// read returns up to limit elements after a position; nil means from the start.
	read func(after *P, limit int) ([]T, error)
	// position encodes the position of an element for a cursor, and parse decodes it.
	position func(*T) []byte
	parse    func(content []byte) (P, error)
}

// page returns the edges of up to first elements of a list, after a cursor of an earlier page when that is not nil.
func page[T, P, E any](
	cursors seal.Key, l list[T, P], first int, after *string, edge func(cursor string, element *T) E,
) ([]E, PageInfo, error) {
	fail := func(err error) ([]E, PageInfo, error) { return nil, PageInfo{}, err }
	if first < 1 || first > MaxPage {
		return fail(auth.BadInput(auth.FieldError{
			Field: "first", Code: auth.InputInvalidFormat, Message: fmt.Sprintf("Must be between 1 and %d.", MaxPage),
		}))
	}
	var start *P
	if after != nil {
		position, err := openCursor(cursors, l, *after)
		if err != nil {
			return fail(err)
		}
		start = &position
	}
	found, err := l.read(start, first+1) // one more shows whether there is a next page
	if err != nil {
		return fail(err)
	}
	info := PageInfo{HasNextPage: len(found) > first, HasPreviousPage: after != nil}
	found = found[:min(first, len(found))]
	edges := make([]E, len(found))
	for i := range found {
		cursor := cursors.Sign(l.scope, l.position(&found[i]))
		edges[i] = edge(cursor, &found[i])
		if i == 0 {
			info.StartCursor = &cursor
		}
		if i == len(found)-1 {
			info.EndCursor = &cursor
		}
	}
	return edges, info, nil
}

func openCursor[T, P any](cursors seal.Key, l list[T, P], cursor string) (position P, err error) {
	content, ok := cursors.Open(l.scope, cursor)
	if ok {
		position, err = l.parse(content)
	}
	if !ok || err != nil {
		return position, auth.BadInput(auth.FieldError{
			Field: "after", Code: auth.InputInvalidFormat, Message: "Use a cursor of an earlier page of the same list.",
		})
	}
	return position, nil
}
