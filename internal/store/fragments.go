package store

import (
	"strconv"
	"strings"
)

// fragment is a piece of SQL. Each "$" in text stands for the next argument. text is constant: user input
// belongs in args.
type fragment struct {
	text string
	args []any
}

// join concatenates fragments with a separator.
func join(fragments []fragment, between string) fragment {
	texts := make([]string, len(fragments))
	var args []any
	for i, f := range fragments {
		texts[i] = f.text
		args = append(args, f.args...)
	}
	return fragment{strings.Join(texts, between), args}
}

// where returns a WHERE clause that requires all conditions. It is empty without conditions.
func where(conditions []fragment) fragment {
	all := join(conditions, ` AND `)
	if len(conditions) > 0 {
		all.text = ` WHERE ` + all.text
	}
	return all
}

// numbered replaces each "$" in text with "$1", "$2" and so on.
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
