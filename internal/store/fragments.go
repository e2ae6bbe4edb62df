package store

import (
	"strconv"
	"strings"
)

// fragment is a fixed piece of SQL in which each "$" stands for the next of its arguments. Nothing
// that a user wrote belongs into the text.
type fragment struct {
	text string
	args []any
}

// join returns the fragments as one, with a text between each two.
func join(fragments []fragment, between string) fragment {
	texts := make([]string, len(fragments))
	var args []any
	for i, f := range fragments {
		texts[i] = f.text
		args = append(args, f.args...)
	}
	return fragment{strings.Join(texts, between), args}
}

// where returns a WHERE clause for rows that meet all conditions, and nothing when there are none.
func where(conditions []fragment) fragment {
	all := join(conditions, ` AND `)
	if len(conditions) > 0 {
		all.text = ` WHERE ` + all.text
	}
	return all
}

// numbered returns a text with "$1", "$2" and so on for each "$".
func numbered(text string) string {
	var b strings.Builder
	for i, part := range strings.Split(text, "$") {
		if i > 0 {
			b.WriteString("$" + strconv.Itoa(i))
		}
		b.WriteString(part)
	}
	return b.String()
}
