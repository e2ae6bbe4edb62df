package directive

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

// Entry is a row of the access table: a field, argument or input field, with its rule and its rate limits.
type Entry struct {
	// Coordinate is the schema coordinate (GraphQL September 2025): Query.me, User.sessions(first:) or
	// UpdateUserInput.roles.
	Coordinate  string `json:"place"`
	Description string `json:"description,omitempty"`
	// Access is the rule in words.
	Access string `json:"access"`

	// Public means @public. Then there is no rule.
	Public      bool              `json:"public"`
	Requires    []auth.Role       `json:"requires,omitempty"`
	Permissions []auth.Permission `json:"permissions,omitempty"`
	OrOwner     bool              `json:"orOwner,omitempty"`
	Check       auth.Check        `json:"check,omitempty"`
	// MaxAge is in seconds.
	MaxAge int `json:"maxAge,omitempty"`
	// Assurance is the level at which the user must have authenticated.
	Assurance auth.RequiredAssurance `json:"assurance,omitempty"`
	// Verified says that the user's e-mail address must be verified.
	Verified bool `json:"verified,omitempty"`
	// Limits are the rate limits of a field.
	Limits []Limit `json:"limits,omitempty"`
}

// Type is the part of the access table that belongs to one type.
type Type struct {
	Name        string  `json:"name"`
	Description string  `json:"description,omitempty"`
	Entries     []Entry `json:"entries"`
}

// Access returns the access table: everything with a directive. What has none can be reached only
// through something that has.
func (s *Schema) Access() (table []Entry) {
	for _, t := range s.AccessByType() {
		table = append(table, t.Entries...)
	}
	return table
}

// AccessByType returns the access table in parts: the root types first, then the others by name, with
// their entries in the order of the schema.
func (s *Schema) AccessByType() (types []Type) {
	definitions := s.roots()
	for _, def := range s.Types {
		if !slices.Contains(definitions, def) {
			definitions = append(definitions, def)
		}
	}
	slices.SortFunc(definitions[len(s.roots()):], func(a, b *ast.Definition) int { return strings.Compare(a.Name, b.Name) })
	for _, def := range definitions {
		if entries := s.entriesOf(def); len(entries) > 0 {
			types = append(types, Type{Name: def.Name, Description: def.Description, Entries: entries})
		}
	}
	return types
}

func (s *Schema) entriesOf(def *ast.Definition) (entries []Entry) {
	add := func(coordinate, description string, rule *auth.Rule, limits []Limit) {
		if rule != nil {
			entries = append(entries, Entry{
				Coordinate: coordinate, Description: description, Access: describe(rule),
				Requires: rule.Requires, Permissions: rule.Permissions,
				OrOwner: rule.OrOwner, Check: rule.Check, MaxAge: int(rule.MaxAge / time.Second),
				Assurance: rule.Assurance, Verified: rule.Verified,
				Limits: limits,
			})
		}
	}
	for _, f := range def.Fields {
		coordinate, limits := def.Name+"."+f.Name, s.limited[f].entries()
		if s.public[f] {
			entries = append(entries, Entry{Coordinate: coordinate, Description: f.Description, Access: "Everyone", Public: true, Limits: limits})
		} else if s.fields[f] == nil && limits != nil {
			entries = append(entries, Entry{Coordinate: coordinate, Description: f.Description, Access: "No rule of its own", Limits: limits})
		}
		add(coordinate, f.Description, s.fields[f], limits)
		add(coordinate, f.Description, s.inputFields[f], nil)
		for _, a := range f.Arguments {
			add(coordinate+"("+a.Name+":)", a.Description, s.arguments[a], nil)
		}
	}
	return entries
}

// WriteText writes the table for a terminal.
func WriteText(w io.Writer, table []Entry) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "COORDINATE\tACCESS AND RATE LIMITS")
	for _, e := range table {
		fmt.Fprintf(t, "%s\t%s\n", e.Coordinate, e.Access)
		for _, l := range e.Limits {
			fmt.Fprintf(t, "\t  %s\n", l.Text)
		}
	}
	return t.Flush()
}

// WriteMarkdown writes the table for a document.
func WriteMarkdown(w io.Writer, table []Entry) error {
	var b strings.Builder
	b.WriteString("| coordinate | access | rate limits |\n| --- | --- | --- |\n")
	for _, e := range table {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", e.Coordinate, e.Access, limitTexts(e.Limits))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteJSON writes the table for a program.
func WriteJSON(w io.Writer, table []Entry) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	return encoder.Encode(table)
}
