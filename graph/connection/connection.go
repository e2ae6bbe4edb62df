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

// The sizes of pages.
const (
	MaxPage     = 100
	defaultPage = 20
)

// PageArguments are the arguments that select a page of a connection. Nil stands for one that is omitted or null.
type PageArguments struct {
	First  *int
	After  *string
	Last   *int
	Before *string
}

// Size returns the maximum number of elements on the page. It is within the limits even if the arguments are not.
func (a PageArguments) Size() int {
	size := defaultPage
	switch {
	case a.First != nil:
		size = *a.First
	case a.Last != nil:
		size = *a.Last
	}
	return min(max(size, 1), MaxPage)
}

// check returns an error if the size of the page is outside of the limits, or given twice.
func (a PageArguments) check() error {
	var problems []auth.FieldError
	bad := func(field, message string) {
		problems = append(problems, auth.FieldError{Field: field, Code: auth.InputInvalidFormat, Message: message})
	}
	for _, size := range []struct {
		field string
		value *int
	}{{"first", a.First}, {"last", a.Last}} {
		if size.value != nil && (*size.value < 1 || *size.value > MaxPage) {
			bad(size.field, fmt.Sprintf("Must be between 1 and %d.", MaxPage))
		}
	}
	if problems == nil && a.First != nil && a.Last != nil {
		bad("last", "Use either first or last.")
	}
	if problems == nil {
		return nil
	}
	return auth.BadInput(problems...)
}

// list is a list of T that is read page by page. P is a position in it.
type list[T, P any] struct {
	// scope identifies the list and its order. Cursors of another scope are invalid.
	scope string
	// read returns a page of the list.
	read func(page auth.Page[P]) ([]T, error)
	// position encodes the position of an element for a cursor, and parse decodes it.
	position func(*T) []byte
	parse    func(content []byte) (P, error)
}

// page returns the edges of a page of a list.
func page[T, P, E any](
	cursors seal.Key, l list[T, P], a PageArguments, edge func(cursor string, element *T) E,
) ([]E, PageInfo, error) {
	fail := func(err error) ([]E, PageInfo, error) { return nil, PageInfo{}, err }
	if err := a.check(); err != nil {
		return fail(err)
	}
	selected := auth.Page[P]{Last: a.Last != nil, Limit: a.Size() + 1} // one more shows whether there are more
	for _, end := range []struct {
		field  string
		cursor *string
		at     **P
	}{{"after", a.After, &selected.After}, {"before", a.Before, &selected.Before}} {
		if end.cursor == nil {
			continue
		}
		position, err := openCursor(cursors, l, end.field, *end.cursor)
		if err != nil {
			return fail(err)
		}
		*end.at = &position
	}
	found, err := l.read(selected)
	if err != nil {
		return fail(err)
	}
	more := len(found) > a.Size()
	info := PageInfo{HasNextPage: more, HasPreviousPage: a.After != nil}
	switch {
	case selected.Last:
		info = PageInfo{HasNextPage: a.Before != nil, HasPreviousPage: more}
		found = found[max(0, len(found)-a.Size()):]
	case more:
		found = found[:a.Size()]
	}
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

func openCursor[T, P any](cursors seal.Key, l list[T, P], field, cursor string) (position P, err error) {
	content, ok := cursors.Open(l.scope, cursor)
	if ok {
		position, err = l.parse(content)
	}
	if !ok || err != nil {
		return position, auth.BadInput(auth.FieldError{
			Field: field, Code: auth.InputInvalidFormat, Message: "Use a cursor of an earlier page of the same list.",
		})
	}
	return position, nil
}
