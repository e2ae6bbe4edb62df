package directive

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth"
)

// checker reads the rules of a schema and collects what is wrong with them.
type checker struct {
	schema       *Schema
	guardedTypes map[string]any
	problems     []error
}

func (c *checker) problem(format string, args ...any) {
	c.problems = append(c.problems, fmt.Errorf(format, args...))
}

func (c *checker) run() error {
	c.declaration(directiveAuth, ast.LocationFieldDefinition, ast.LocationArgumentDefinition, ast.LocationInputFieldDefinition)
	c.declaration(directivePublic, ast.LocationFieldDefinition)
	if c.schema.Directives[directiveRateLimit] != nil { // a schema without limits need not declare it
		c.declaration(directiveRateLimit, ast.LocationFieldDefinition)
	}
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

func (c *checker) declaration(name string, locations ...ast.DirectiveLocation) {
	d := c.schema.Directives[name]
	if d == nil {
		c.problem("directive @%s is not declared", name)
		return
	}
	if declared := slices.Sorted(slices.Values(d.Locations)); !slices.Equal(declared, slices.Sorted(slices.Values(locations))) {
		c.problem("directive @%s is declared on %v, want %v", name, d.Locations, locations)
	}
}

func (c *checker) definition(def *ast.Definition) {
	c.misplaced(def.Name, def.Directives)
	for _, v := range def.EnumValues {
		c.misplaced(def.Name+"."+v.Name, v.Directives)
	}
	for _, f := range def.Fields {
		coordinate := def.Name + "." + f.Name
		switch {
		case strings.HasPrefix(f.Name, "__"): // introspection is part of the language and has its own switch
		case def.Kind == ast.InputObject:
			c.unlimited(coordinate, f.Directives)
			if rule := c.optional(coordinate, f.Directives, f.Type, f.DefaultValue); rule != nil {
				c.schema.inputFields[f] = rule
			}
		case def.Kind == ast.Object:
			c.field(def, f, coordinate)
			c.limits(f, coordinate)
		default: // gqlgen runs the directives of objects, not those of their interfaces
			c.misplaced(coordinate, f.Directives)
		}
		for _, a := range f.Arguments {
			c.unlimited(coordinate+"("+a.Name+":)", a.Directives)
			if rule := c.optional(coordinate+"("+a.Name+":)", a.Directives, a.Type, a.DefaultValue); rule != nil {
				c.schema.arguments[a] = rule
			}
		}
	}
}

// misplaced finds directives where they have no effect.
func (c *checker) misplaced(coordinate string, list ast.DirectiveList) {
	c.unlimited(coordinate, list)
	for _, d := range list {
		if d.Name == directiveAuth || d.Name == directivePublic {
			c.problem("%s has @%s, which has no effect there", coordinate, d.Name)
		}
	}
}

// unlimited finds a @rateLimit that is not on a field of an object.
func (c *checker) unlimited(coordinate string, list ast.DirectiveList) {
	if list.ForName(directiveRateLimit) != nil {
		c.problem("%s has @%s, which has no effect there", coordinate, directiveRateLimit)
	}
}

func (c *checker) field(def *ast.Definition, f *ast.FieldDefinition, coordinate string) {
	rules, public := f.Directives.ForNames(directiveAuth), f.Directives.ForNames(directivePublic)
	n := len(rules) + len(public)
	object, isGuarded := c.guardedTypes[def.Name]
	if n > 1 || n == 0 && (isGuarded || c.schema.isRoot(def.Name) || hasRule(def)) {
		c.problem("field %s must have either @%s or @%s, and has %d of them", coordinate, directiveAuth, directivePublic, n)
		return
	}
	c.schema.public[f] = len(public) == 1
	if len(rules) == 0 {
		return
	}
	if c.schema.isRoot(f.Type.Name()) {
		c.problem("field %s has @%s, which gqlgen ignores on a field of the root type %s", coordinate, directiveAuth, f.Type.Name())
	}
	rule := c.rule(coordinate, rules[0])
	if rule == nil {
		return
	}
	c.schema.fields[f] = rule
	if _, owned := object.(auth.Owned); rule.OrOwner && !owned {
		c.problem("field %s has orOwner, but the owner of a %s is unknown: add the type to guardedTypes, and a method OwnerID to its Go type", coordinate, def.Name)
	}
}

// hasRule reports whether a field of the type has @auth. Then a field with neither directive is likely a
// mistake.
func hasRule(def *ast.Definition) bool {
	return slices.ContainsFunc(def.Fields, func(f *ast.FieldDefinition) bool {
		return f.Directives.ForName(directiveAuth) != nil
	})
}

// defaults finds defaults that supply a guarded input field: its rule would apply to callers that supply
// nothing.
func (c *checker) defaults(def *ast.Definition) {
	look := func(coordinate string, t *ast.Type, v *ast.Value) {
		if v == nil {
			return
		}
		value, err := v.Value(nil)
		if err != nil {
			c.problem("%s has a default that cannot be read: %w", coordinate, err)
			return
		}
		c.schema.walk(t.Name(), value, func(*auth.Rule) bool {
			c.problem("%s has a default that supplies a guarded input field", coordinate)
			return false
		})
	}
	for _, f := range def.Fields {
		coordinate := def.Name + "." + f.Name
		look(coordinate, f.Type, f.DefaultValue)
		for _, a := range f.Arguments {
			look(coordinate+"("+a.Name+":)", a.Type, a.DefaultValue)
		}
	}
}

// optional reads the rule of an argument or an input field. The rule applies if a value is supplied, so it
// must be possible to supply none.
func (c *checker) optional(coordinate string, directives ast.DirectiveList, t *ast.Type, defaultValue *ast.Value) *auth.Rule {
	if directives.ForName(directivePublic) != nil {
		c.problem("%s has @%s, which is for fields only", coordinate, directivePublic)
	}
	rules := directives.ForNames(directiveAuth)
	switch {
	case len(rules) == 0:
		return nil
	case t.NonNull:
		c.problem("%s has @%s and is required: put @%[2]s on the field instead", coordinate, directiveAuth)
	case defaultValue != nil:
		c.problem("%s has @%s and a default, so a value is always supplied", coordinate, directiveAuth)
	}
	rule := c.rule(coordinate, rules[0])
	if rule != nil && rule.OrOwner {
		c.problem("%s has orOwner, but there is no object with an owner", coordinate)
	}
	return rule
}

// rule reads an @auth, and finds rules that allow nobody, or everybody by mistake.
func (c *checker) rule(coordinate string, d *ast.Directive) *auth.Rule {
	rule, err := c.schema.intern(d)
	if err != nil {
		c.problem("%s %w", coordinate, err)
		return nil
	}
	switch {
	case len(rule.Requires) == 0 && (!rule.OrOwner || len(rule.Permissions) > 0):
		c.problem("%s requires no role, which allows nobody", coordinate)
	case rule.OrOwner && len(rule.Permissions) == 0 && slices.Contains(rule.Requires, auth.RoleUser):
		c.problem("%s has orOwner and requires USER, which every account has: use another role, such as requires: ADMIN, or requires: [] for the owner only", coordinate)
	}
	return rule
}
