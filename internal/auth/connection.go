package auth

import "fmt"

// PageInfo says where a page of a connection lies (GraphQL Cursor Connections Specification).
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
}

// MaxPage is how many elements a page of a connection may have.
const MaxPage = 100

// list is a list of T that is read page by page. P is a place in it.
type list[T, P any] struct {
	// scope names the list and its order. Cursors of another scope are refused.
	scope string
	// read returns up to limit elements after a place; nil begins at the first.
	read func(after *P, limit int) ([]T, error)
	// place returns where an element is, as what a cursor holds, and parse reads that.
	place func(*T) []byte
	parse func(content []byte) (P, error)
}

// page returns the edges of up to first elements of a list, after a cursor of an earlier page when
// it is not nil.
func page[T, P, E any](
	s *Service, l list[T, P], first int, after *string, edge func(cursor string, element *T) E,
) ([]E, PageInfo, error) {
	fail := func(err error) ([]E, PageInfo, error) { return nil, PageInfo{}, err }
	if first < 1 || first > MaxPage {
		return fail(BadInput(FieldError{
			Path: []string{"first"}, Code: InputInvalidFormat, Message: fmt.Sprintf("Ask for 1 to %d.", MaxPage),
		}))
	}
	var start *P
	if after != nil {
		place, err := openCursor(s.cursors, l, *after)
		if err != nil {
			return fail(err)
		}
		start = &place
	}
	found, err := l.read(start, first+1) // one more tells whether the list goes on
	if err != nil {
		return fail(err)
	}
	info := PageInfo{HasNextPage: len(found) > first, HasPreviousPage: after != nil}
	found = found[:min(first, len(found))]
	edges := make([]E, len(found))
	for i := range found {
		cursor := s.cursors.seal(l.scope, l.place(&found[i]))
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

func openCursor[T, P any](cursors sealer, l list[T, P], cursor string) (place P, err error) {
	content, ok := cursors.open(l.scope, cursor)
	if ok {
		place, err = l.parse(content)
	}
	if !ok || err != nil {
		return place, BadInput(FieldError{
			Path: []string{"after"}, Code: InputInvalidFormat, Message: "Use a cursor of an earlier page of the same list.",
		})
	}
	return place, nil
}
