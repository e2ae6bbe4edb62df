package directive

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth"
)

// View is what a caller may use of the schema.
type View struct {
	schema *Schema
	// admitted has, for each rule of the schema, '1' if it admits the caller or an owner, and '0' if not.
	admitted string
}

// View returns what a user with the given roles, which have the given permissions, may use. Any user may be an owner, so
// what an owner may use is included.
func (s *Schema) View(roles []auth.Role, permissions []auth.Permission) View {
	admitted := make([]byte, len(s.rules))
	for i, r := range s.rules {
		admitted[i] = '0'
		if r.OrOwner || r.HasRole(roles) && r.Permits(permissions) {
			admitted[i] = '1'
		}
	}
	return View{s, string(admitted)}
}

// Admits reports whether a rule of the schema admits the caller.
func (v View) Admits(rule *auth.Rule) bool {
	return v.admitted[slices.Index(v.schema.rules, rule)] == '1'
}

// Key is the same for Views of the same part of the schema. There are few: roles that no rule distinguishes share one.
func (v View) Key() string { return v.admitted }

// Visible returns the part of the schema that the caller may use: without the fields, arguments and input
// fields that they may not use, and without the types that become unreachable. Rules are added to the
// descriptions.
//
// An interface or a union returns every possible type, unless withheld has its name: then its resolver returns
// objects of that type only to other roles.
//
// Enums and scalars that nothing in the whole schema uses stay too. They describe what has no type in a GraphQL
// schema, such as the extensions of errors.
//
// It is for introspection. Operations are validated against the whole schema: an expired token must get
// an error that says so, and not an unknown field.
func (v View) Visible(withheld ...string) *ast.Schema {
	w := &view{schema: v.schema, admitted: map[*auth.Rule]bool{}, withheld: withheld, types: map[string]*ast.Definition{}}
	for i, r := range v.schema.rules {
		w.admitted[r] = v.admitted[i] == '1'
	}
	for name, def := range v.schema.Types {
		w.types[name] = w.definition(def)
	}
	for w.dropEmpty() {
	}
	return w.reachable()
}

type view struct {
	schema   *Schema
	admitted map[*auth.Rule]bool
	withheld []string
	types    map[string]*ast.Definition
}

func (v *view) sees(rule *auth.Rule) bool { return rule == nil || v.admitted[rule] }

// definition copies a type with its visible fields.
func (v *view) definition(def *ast.Definition) *ast.Definition {
	seen := *def
	seen.Fields = nil
	for _, f := range def.Fields {
		rule, input := v.schema.fields[f], v.schema.inputFields[f]
		if !v.sees(rule) || !v.sees(input) {
			continue
		}
		field := *f
		switch {
		case rule != nil:
			field.Description = withAccess(f.Description, accessAlways, rule)
		case input != nil:
			field.Description = withAccess(f.Description, accessWhenSupplied, input)
		}
		if limits := v.schema.limited[f].entries(); limits != nil {
			field.Description += "\n\nRate limits: " + limitTexts(limits) + "."
		}
		field.Arguments = nil
		for _, a := range f.Arguments {
			rule := v.schema.arguments[a]
			if !v.sees(rule) {
				continue
			}
			if rule != nil {
				guarded := *a
				guarded.Description = withAccess(a.Description, accessWhenSupplied, rule)
				a = &guarded
			}
			field.Arguments = append(field.Arguments, a)
		}
		seen.Fields = append(seen.Fields, &field)
	}
	return &seen
}

// The labels of the rules of a field, and of an argument or input field.
const (
	accessAlways       = "Access: "
	accessWhenSupplied = "Access, if a value is supplied: "
)

// withAccess adds a rule to a description, in a paragraph of its own.
func withAccess(description, label string, rule *auth.Rule) string {
	if description != "" {
		description += "\n\n"
	}
	return description + label + describe(rule) + "."
}

// dropEmpty drops the fields and arguments of types without fields. It reports whether it dropped a
// field, which may leave another type empty.
func (v *view) dropEmpty() (dropped bool) {
	empty := func(t *ast.Type) bool {
		def := v.types[t.Name()]
		return len(def.Fields) == 0 && (def.Kind == ast.Object || def.Kind == ast.Interface || def.Kind == ast.InputObject)
	}
	for _, def := range v.types {
		n := len(def.Fields)
		def.Fields = slices.DeleteFunc(def.Fields, func(f *ast.FieldDefinition) bool {
			return empty(f.Type) || slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool {
				return a.Type.NonNull && empty(a.Type)
			})
		})
		dropped = dropped || len(def.Fields) < n
		for _, f := range def.Fields {
			f.Arguments = slices.DeleteFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return empty(a.Type) })
		}
	}
	return dropped
}

// reachable returns the schema with the types that are reachable.
func (v *view) reachable() *ast.Schema {
	whole := v.schema.Schema
	seen := *whole
	seen.Types = v.from(v.types, v.withheld)
	used := v.from(whole.Types, nil)
	for name, def := range whole.Types {
		if def.IsLeafType() && used[name] == nil {
			seen.Types[name] = def
		}
	}
	root := func(def *ast.Definition) *ast.Definition {
		if def == nil {
			return nil
		}
		return seen.Types[def.Name]
	}
	seen.Query, seen.Mutation, seen.Subscription = root(whole.Query), root(whole.Mutation), root(whole.Subscription)
	if seen.Mutation != nil && len(seen.Mutation.Fields) == 0 {
		seen.Mutation = nil
	}
	seen.PossibleTypes, seen.Implements = within(whole.PossibleTypes, seen.Types), within(whole.Implements, seen.Types)
	return &seen
}

// from returns the types that are reachable from built-in types, root types and directives. An interface or a union
// does not lead to the types withheld.
func (v *view) from(types map[string]*ast.Definition, withheld []string) map[string]*ast.Definition {
	whole, seen := v.schema.Schema, map[string]*ast.Definition{}
	var visit func(name string)
	visit = func(name string) {
		def := types[name]
		if def == nil || seen[name] != nil {
			return
		}
		seen[name] = def
		for _, f := range def.Fields {
			visit(f.Type.Name())
			for _, a := range f.Arguments {
				visit(a.Type.Name())
			}
		}
		for _, name := range def.Interfaces {
			visit(name)
		}
		if def.IsAbstractType() {
			for _, possible := range whole.PossibleTypes[name] {
				if !slices.Contains(withheld, possible.Name) {
					visit(possible.Name)
				}
			}
		}
	}
	for name, def := range whole.Types {
		if def.BuiltIn {
			visit(name)
		}
	}
	for _, root := range v.schema.roots() {
		visit(root.Name)
	}
	for _, d := range whole.Directives {
		for _, a := range d.Arguments {
			visit(a.Type.Name())
		}
	}
	return seen
}

// within returns the part of a relation that is between the given types.
func within(relation map[string][]*ast.Definition, types map[string]*ast.Definition) map[string][]*ast.Definition {
	kept := map[string][]*ast.Definition{}
	for name, defs := range relation {
		if types[name] == nil {
			continue
		}
		for _, def := range defs {
			if seen := types[def.Name]; seen != nil {
				kept[name] = append(kept[name], seen)
			}
		}
	}
	return kept
}
