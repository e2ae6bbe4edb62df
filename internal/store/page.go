package store

import (
	"slices"
	"strings"

	"usher/internal/auth"
)

// order is the order of a list: by columns that are unique together and have an index. The same index serves the
// opposite order, in which a page of the last elements is read.
type order struct {
	columns    []string
	descending bool
}

// between returns the conditions for rows between the positions of a page. values returns the columns of a position.
func between[P any](o order, page auth.Page[P], values func(*P) []any) (conditions []fragment) {
	beyond := func(p *P, descending bool) {
		if p == nil {
			return
		}
		columns, marks := strings.Join(o.columns, `, `), `$`+strings.Repeat(`, $`, len(o.columns)-1)
		if len(o.columns) > 1 {
			columns, marks = `(`+columns+`)`, `(`+marks+`)`
		}
		operator := ` > `
		if descending {
			operator = ` < `
		}
		conditions = append(conditions, fragment{columns + operator + marks, values(p)})
	}
	beyond(page.After, o.descending)
	beyond(page.Before, !o.descending)
	return conditions
}

// orderBy returns the end of a query for a page.
func orderBy[P any](o order, page auth.Page[P]) string {
	direction := ``
	if o.descending != page.Last {
		direction = ` DESC`
	}
	return ` ORDER BY ` + strings.Join(o.columns, direction+`, `) + direction + ` LIMIT $`
}

// inListOrder puts the rows of a page into the order of the list.
func inListOrder[T, P any](rows []T, page auth.Page[P]) {
	if page.Last {
		slices.Reverse(rows)
	}
}
