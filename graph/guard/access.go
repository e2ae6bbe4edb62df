package guard

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth"
)

// Access is a line of the table that says who may do what: a place of the schema, and its rule.
type Access struct {
	// Place is a field, Query.me; an argument, User.sessions(first:); or an input field.
	Place string `json:"place"`
	// Public says that the place bears @public, and has none of the following.
	Public      bool              `json:"public"`
	Requires    []auth.Role       `json:"requires,omitempty"`
	Permissions []auth.Permission `json:"permissions,omitempty"`
	OrOwner     bool              `json:"orOwner,omitempty"`
	Check       auth.Check        `json:"check,omitempty"`
	// MaxAge is in seconds.
	MaxAge int `json:"maxAge,omitempty"`
}

// Access returns the table: the root types first, then the others by name, with their places in the
// order of the schema. What bears no directive is reached through what does.
func (s *Schema) Access() (table []Access) {
	types := s.roots()
	for _, def := range s.Types {
		if !slices.Contains(types, def) {
			types = append(types, def)
		}
	}
	slices.SortStableFunc(types[len(s.roots()):], func(a, b *ast.Definition) int { return strings.Compare(a.Name, b.Name) })
	add := func(place string, public bool, rule *auth.Rule) {
		if rule == nil {
			if public {
				table = append(table, Access{Place: place, Public: true})
			}
			return
		}
		table = append(table, Access{
			Place: place, Requires: rule.Requires, Permissions: rule.Permissions,
			OrOwner: rule.OrOwner, Check: rule.Check, MaxAge: int(rule.MaxAge / time.Second),
		})
	}
	for _, def := range types {
		for _, f := range def.Fields {
			place := def.Name + "." + f.Name
			add(place, s.public[f], s.fields[f])
			add(place, false, s.inputFields[f])
			for _, a := range f.Arguments {
				add(place+"("+a.Name+":)", false, s.arguments[a])
			}
		}
	}
	return table
}

// who says in a few words who may have the place.
func (a Access) who() string {
	if a.Public {
		return "everyone"
	}
	text := join(a.Requires, " or ")
	if len(a.Permissions) > 0 {
		text += " with " + join(a.Permissions, " and ")
	}
	switch {
	case len(a.Requires) == 0:
		text = "owner"
	case a.OrOwner:
		text += " or owner"
	}
	if a.MaxAge > 0 {
		text += ", proved within " + age(time.Duration(a.MaxAge)*time.Second)
	}
	if a.Check == auth.CheckToken {
		text += ", by the token alone"
	}
	return text
}

func join[T ~string](names []T, separator string) string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = string(name)
	}
	return strings.Join(list, separator)
}

// WriteText writes the table for a terminal.
func WriteText(w io.Writer, table []Access) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "PLACE\tWHO")
	for _, a := range table {
		fmt.Fprintf(t, "%s\t%s\n", a.Place, a.who())
	}
	return t.Flush()
}

// WriteMarkdown writes the table for a document.
func WriteMarkdown(w io.Writer, table []Access) error {
	var b strings.Builder
	b.WriteString("| place | who |\n| --- | --- |\n")
	for _, a := range table {
		fmt.Fprintf(&b, "| `%s` | %s |\n", a.Place, a.who())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON writes the table for a program.
func WriteJSON(w io.Writer, table []Access) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(table)
}
