// Package guard owns the language of `@auth`: it reads the rules out of a schema, refuses a schema
// that leaves something open by mistake, decides over whole operations before they run, and says
// what a schema lets whom do, as a table and as a schema of its own.
//
// The rules themselves are decided by internal/auth.
package guard

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth"
)

// The directives of the language.
const (
	directiveAuth   = "auth"
	directivePublic = "public"
)

// Schema is a GraphQL schema with its rules.
type Schema struct {
	*ast.Schema
	// rules has each different rule once, so that its address stands for it.
	rules []*auth.Rule
	// fields, arguments and inputFields are the places that bear @auth. Arguments are those of fields.
	fields      map[*ast.FieldDefinition]*auth.Rule
	arguments   map[*ast.ArgumentDefinition]*auth.Rule
	inputFields map[*ast.FieldDefinition]*auth.Rule
	// public are the fields that bear @public.
	public map[*ast.FieldDefinition]bool
}

// New reads the rules of a schema. It returns an error for everything in it that would leave a place
// open by mistake or shut for everybody, each with its name. In the guarded types, which are named
// with a value of the Go type that serves them, every field must say who may see it, as those of
// Query, Mutation and Subscription must, and those of any type that has one guarded field.
func New(schema *ast.Schema, guardedTypes map[string]any) (*Schema, error) {
	s := &Schema{
		Schema:      schema,
		fields:      map[*ast.FieldDefinition]*auth.Rule{},
		arguments:   map[*ast.ArgumentDefinition]*auth.Rule{},
		inputFields: map[*ast.FieldDefinition]*auth.Rule{},
		public:      map[*ast.FieldDefinition]bool{},
	}
	c := &check{schema: s, guardedTypes: guardedTypes}
	if err := c.run(); err != nil {
		return nil, err
	}
	return s, nil
}

// Rule returns the schema's rule that has these parts, nil when none has.
func (s *Schema) Rule(requires []auth.Role, permissions []string, orOwner bool, check auth.Check, maxAge *int) *auth.Rule {
	var age time.Duration
	if maxAge != nil {
		age = time.Duration(*maxAge) * time.Second
	}
	for _, r := range s.rules {
		if r.Check == check && r.OrOwner == orOwner && r.MaxAge == age &&
			slices.Equal(r.Requires, requires) &&
			slices.EqualFunc(r.Permissions, permissions, func(p auth.Permission, name string) bool { return string(p) == name }) {
			return r
		}
	}
	return nil
}

// FieldRule returns the rule of a field, nil when it is not guarded.
func (s *Schema) FieldRule(field *ast.FieldDefinition) *auth.Rule { return s.fields[field] }

// intern reads the rule of a directive and returns the one of the schema that is equal.
func (s *Schema) intern(d *ast.Directive) (*auth.Rule, error) {
	var (
		arguments   = d.ArgumentMap(nil) // with the defaults of the directive's declaration
		requires    []auth.Role
		permissions []string
		maxAge      *int
	)
	for _, name := range list(arguments["requires"]) {
		role := auth.Role(fmt.Sprint(name))
		if !role.Valid() {
			return nil, fmt.Errorf("requires the role %s, which the server does not have", role)
		}
		requires = append(requires, role)
	}
	for _, name := range list(arguments["permissions"]) {
		permissions = append(permissions, fmt.Sprint(name))
	}
	if v := arguments["maxAge"]; v != nil {
		seconds, err := strconv.Atoi(fmt.Sprint(v))
		if err != nil || seconds < 1 || seconds > math.MaxInt32 {
			return nil, fmt.Errorf("has maxAge %v, which is not a number of seconds from 1 to %d", v, math.MaxInt32)
		}
		maxAge = &seconds
	}
	orOwner, _ := arguments["orOwner"].(bool)
	check := auth.Check(fmt.Sprint(arguments["check"]))
	if check != auth.CheckSession && check != auth.CheckToken {
		return nil, fmt.Errorf("has check %s, which is neither SESSION nor TOKEN", check)
	}
	if r := s.Rule(requires, permissions, orOwner, check, maxAge); r != nil {
		return r, nil
	}
	r := &auth.Rule{Requires: requires, OrOwner: orOwner, Check: check}
	for _, name := range permissions {
		r.Permissions = append(r.Permissions, auth.Permission(name))
	}
	if maxAge != nil {
		r.MaxAge = time.Duration(*maxAge) * time.Second
	}
	s.rules = append(s.rules, r)
	return r, nil
}

// list is a value where a list is expected: a single one is a list of itself (GraphQL October 2021
// §3.11, input coercion).
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	default:
		return []any{v}
	}
}

// roots returns the root types that the schema has.
func (s *Schema) roots() []*ast.Definition {
	return slices.DeleteFunc([]*ast.Definition{s.Query, s.Mutation, s.Subscription},
		func(d *ast.Definition) bool { return d == nil })
}

func (s *Schema) isRoot(name string) bool {
	return slices.ContainsFunc(s.roots(), func(d *ast.Definition) bool { return d.Name == name })
}
