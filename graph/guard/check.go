package guard

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth"
)

// check reads every place of a schema and collects what is wrong with it.
type check struct {
	schema       *Schema
	guardedTypes map[string]any
	problems     []error
}

func (c *check) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

func (c *check) run() error {
	c.declaration(directiveAuth, ast.LocationFieldDefinition, ast.LocationArgumentDefinition, ast.LocationInputFieldDefinition)
	c.declaration(directivePublic, ast.LocationFieldDefinition)
	for _, name := range slices.Sorted(maps.Keys(c.guardedTypes)) {
		if def := c.schema.Types[name]; def == nil || def.Kind != ast.Object {
			c.problem("the guarded type %s is not an object type of the schema", name)
		}
	}
	names := slices.Sorted(maps.Keys(c.schema.Types))
	for _, name := range names {
		c.definition(c.schema.Types[name])
	}
	for _, name := range names {
		c.defaults(c.schema.Types[name])
	}
	return errors.Join(c.problems...)
}

func (c *check) declaration(name string, locations ...ast.DirectiveLocation) {
	d := c.schema.Directives[name]
	if d == nil {
		c.problem("directive @%s is not declared", name)
		return
	}
	if declared := slices.Sorted(slices.Values(d.Locations)); !slices.Equal(declared, slices.Sorted(slices.Values(locations))) {
		c.problem("directive @%s is declared on %v, want %v", name, d.Locations, locations)
	}
}

func (c *check) definition(def *ast.Definition) {
	c.misplaced(def.Name, def.Directives)
	for _, v := range def.EnumValues {
		c.misplaced(def.Name+"."+v.Name, v.Directives)
	}
	for _, f := range def.Fields {
		place := def.Name + "." + f.Name
		switch {
		case strings.HasPrefix(f.Name, "__"): // introspection is part of the language and has its own switch
		case def.Kind == ast.InputObject:
			if rule := c.optional(place, f.Directives, f.Type, f.DefaultValue); rule != nil {
				c.schema.inputFields[f] = rule
			}
		case def.Kind == ast.Object:
			c.field(def, f, place)
		default: // gqlgen runs the guards of the objects, not those of their interfaces
			c.misplaced(place, f.Directives)
		}
		for _, a := range f.Arguments {
			if rule := c.optional(place+"("+a.Name+":)", a.Directives, a.Type, a.DefaultValue); rule != nil {
				c.schema.arguments[a] = rule
			}
		}
	}
}

// misplaced finds guards where they do not guard.
func (c *check) misplaced(place string, list ast.DirectiveList) {
	for _, d := range list {
		if d.Name == directiveAuth || d.Name == directivePublic {
			c.problem("%s bears @%s, which does not guard there", place, d.Name)
		}
	}
}

func (c *check) field(def *ast.Definition, f *ast.FieldDefinition, place string) {
	guards, public := f.Directives.ForNames(directiveAuth), f.Directives.ForNames(directivePublic)
	n := len(guards) + len(public)
	object, isGuarded := c.guardedTypes[def.Name]
	if n > 1 || n == 0 && (isGuarded || c.schema.isRoot(def.Name) || hasGuard(def)) {
		c.problem("field %s bears %d of @%s and @%s, want exactly one", place, n, directiveAuth, directivePublic)
		return
	}
	c.schema.public[f] = len(public) == 1
	if len(guards) == 0 {
		return
	}
	if c.schema.isRoot(f.Type.Name()) {
		c.problem("field %s bears @%s, which gqlgen does not ask for a field that leads back to %s", place, directiveAuth, f.Type.Name())
	}
	rule := c.rule(place, guards[0])
	if rule == nil {
		return
	}
	c.schema.fields[f] = rule
	if _, owned := object.(auth.Owned); rule.OrOwner && !owned {
		c.problem("field %s says orOwner, but nobody knows whose a %s is: list it among the guarded types, and let its Go type have OwnerID", place, def.Name)
	}
}

// hasGuard reports whether a field of the type is guarded. Then whoever wrote it thought of who may
// see what, and a field without a word was forgotten.
func hasGuard(def *ast.Definition) bool {
	return slices.ContainsFunc(def.Fields, func(f *ast.FieldDefinition) bool {
		return f.Directives.ForName(directiveAuth) != nil
	})
}

// defaults finds defaults that supply a guarded input field: whoever leaves the argument out would be
// asked for it.
func (c *check) defaults(def *ast.Definition) {
	look := func(place string, t *ast.Type, v *ast.Value) {
		if v == nil {
			return
		}
		value, err := v.Value(nil)
		if err != nil {
			c.problem("%s has a default that cannot be read: %w", place, err)
			return
		}
		c.schema.walk(t.Name(), value, func(*auth.Rule) bool {
			c.problem("%s has a default that supplies a guarded input field", place)
			return false
		})
	}
	for _, f := range def.Fields {
		place := def.Name + "." + f.Name
		look(place, f.Type, f.DefaultValue)
		for _, a := range f.Arguments {
			look(place+"("+a.Name+":)", a.Type, a.DefaultValue)
		}
	}
}

// optional reads the guard of an argument or an input field, which is asked when the value is
// supplied. So it must be possible to leave it out.
func (c *check) optional(place string, directives ast.DirectiveList, t *ast.Type, defaultValue *ast.Value) *auth.Rule {
	if directives.ForName(directivePublic) != nil {
		c.problem("%s bears @%s, which is for fields", place, directivePublic)
	}
	guards := directives.ForNames(directiveAuth)
	switch {
	case len(guards) == 0:
		return nil
	case t.NonNull:
		c.problem("%s bears @%s and must be supplied: guard the field instead", place, directiveAuth)
	case defaultValue != nil:
		c.problem("%s bears @%s and has a default, so that it would always be supplied", place, directiveAuth)
	}
	rule := c.rule(place, guards[0])
	if rule != nil && rule.OrOwner {
		c.problem("%s says orOwner, but has no object that could belong to anybody", place)
	}
	return rule
}

// rule reads a guard, and finds those that admit nobody or everybody without saying so.
func (c *check) rule(place string, d *ast.Directive) *auth.Rule {
	rule, err := c.schema.intern(d)
	if err != nil {
		c.problem("%s %w", place, err)
		return nil
	}
	for _, p := range rule.Permissions {
		if !slices.ContainsFunc(auth.Roles, func(r auth.Role) bool { return slices.Contains(r.Permissions(), p) }) {
			c.problem("%s asks for the permission %q, which no role has", place, p)
		}
	}
	switch {
	case len(rule.Requires) == 0 && (!rule.OrOwner || len(rule.Permissions) > 0):
		c.problem("%s requires no role at all, which admits nobody, whatever the permissions", place)
	case rule.OrOwner && len(rule.Permissions) == 0 && slices.Contains(rule.Requires, auth.RoleUser):
		c.problem("%s says orOwner, and requires USER, which every account has: say who else, such as requires: ADMIN, or requires: [] for the owner alone", place)
	}
	return rule
}
