package directive

import (
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth/throttle"
)

// Use is a use of a limited field in an operation.
type Use struct {
	throttle.Use
	// Existing says that an identifier names the account, which exists, rather than one to create.
	Existing bool
	// Field is where the operation has it.
	Field *ast.Field
	// Path has the response names that lead to it, without the indexes of lists.
	Path []string
}

// At reports whether an error at a path of the response is one of this use.
func (u *Use) At(path ast.Path) bool {
	n := 0
	for _, element := range path {
		if name, ok := element.(ast.PathName); ok {
			if n == len(u.Path) || u.Path[n] != string(name) {
				return false
			}
			n++
		}
	}
	return n == len(u.Path)
}

// Uses returns the uses of limited fields in an operation. It applies fragments, @skip, @include and variables. Fields
// with one response name are one use (GraphQL October 2021 §6.3.2).
//
// A field of an interface or a union counts as the limited fields of all types that the object can have there, because
// which one it has is not known yet. A field in a list counts once, because the length of the list is not known.
func (s *Schema) Uses(op *graphql.OperationContext) []Use {
	root := s.root(op.Operation.Operation)
	if !s.leads[root.Name] {
		return nil
	}
	w := &uses{schema: s, variables: op.Variables, seen: map[string]bool{}}
	w.selections(op.Operation.SelectionSet, []*ast.Definition{root}, nil)
	return w.found
}

// uses collects the uses of an operation.
type uses struct {
	schema    *Schema
	variables map[string]any
	seen      map[string]bool // paths with the coordinate
	found     []Use
}

// selections visits selections on an object of one of the types.
func (w *uses) selections(set ast.SelectionSet, types []*ast.Definition, path []string) {
	if len(types) == 0 {
		return
	}
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			if w.included(s.Directives) {
				w.field(s, types, append(slices.Clip(path), s.Alias))
			}
		case *ast.InlineFragment:
			if w.included(s.Directives) {
				w.selections(s.SelectionSet, w.narrowed(types, s.TypeCondition), path)
			}
		case *ast.FragmentSpread:
			if w.included(s.Directives) {
				w.selections(s.Definition.SelectionSet, w.narrowed(types, s.Definition.TypeCondition), path)
			}
		}
	}
}

func (w *uses) field(f *ast.Field, types []*ast.Definition, path []string) {
	for _, def := range types {
		definition := def.Fields.ForName(f.Name)
		if definition == nil { // __typename
			continue
		}
		if l := w.schema.limited[definition]; l != nil && len(l.rules) > 0 {
			if key := strings.Join(path, "\x00") + "\x00" + l.coordinate; !w.seen[key] {
				w.seen[key] = true
				w.found = append(w.found, Use{l.use(f, w.variables), l.existing, f, path})
			}
		}
	}
	if inner := f.Definition; inner != nil && w.schema.leads[inner.Type.Name()] {
		w.selections(f.SelectionSet, w.schema.GetPossibleTypes(w.schema.Types[inner.Type.Name()]), path)
	}
}

// narrowed returns those of the types to which a fragment with a type condition applies.
func (w *uses) narrowed(types []*ast.Definition, condition string) []*ast.Definition {
	if condition == "" {
		return types
	}
	possible := w.schema.GetPossibleTypes(w.schema.Types[condition])
	var narrowed []*ast.Definition
	for _, def := range types {
		if slices.Contains(possible, def) {
			narrowed = append(narrowed, def)
		}
	}
	return narrowed
}

// included applies @skip and @include.
func (w *uses) included(directives ast.DirectiveList) bool {
	if d := directives.ForName("skip"); d != nil && w.condition(d) {
		return false
	}
	d := directives.ForName("include")
	return d == nil || w.condition(d)
}

func (w *uses) condition(d *ast.Directive) bool {
	value, _ := d.ArgumentMap(w.variables)["if"].(bool)
	return value
}

// use reads what the arguments of a field say.
func (l *limited) use(f *ast.Field, variables map[string]any) throttle.Use {
	u := throttle.Use{Field: l.coordinate}
	if len(f.Definition.Arguments) == 0 {
		return u
	}
	arguments := f.ArgumentMap(variables)
	u.Account, u.Recipient = first(arguments, l.account), first(arguments, l.recipient)
	u.DeviceToken, u.Solution = first(arguments, l.deviceToken), first(arguments, l.solution)
	return u
}

// first returns the first text at one of the places that is not empty.
func first(arguments map[string]any, places []place) string {
	for _, p := range places {
		value := arguments[p.argument]
		if p.inputField != "" {
			object, _ := value.(map[string]any)
			value = object[p.inputField]
		}
		if text, _ := value.(string); text != "" {
			return text
		}
	}
	return ""
}

// leading returns the composite types with limited fields in them, at any depth.
func (s *Schema) leading() map[string]bool {
	leads := map[string]bool{}
	leadsOn := func(f *ast.FieldDefinition) bool {
		return s.limited[f] != nil && len(s.limited[f].rules) > 0 || leads[f.Type.Name()]
	}
	for before := -1; before < len(leads); {
		before = len(leads)
		for name, def := range s.Types {
			if def.IsAbstractType() {
				if slices.ContainsFunc(s.GetPossibleTypes(def), func(d *ast.Definition) bool { return leads[d.Name] }) {
					leads[name] = true
				}
			} else if def.Kind == ast.Object && slices.ContainsFunc(def.Fields, leadsOn) {
				leads[name] = true
			}
		}
	}
	return leads
}
