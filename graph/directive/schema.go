// Package directive owns the access rules of the schema: the directives @auth, @public and @rateLimit. It reads them,
// rejects a schema with a missing or wrong rule, finds the rules and the limits that apply to a whole operation, and
// shows the rules: as a table, in words, and as the part of the schema that some roles may use.
//
// internal/auth decides whether a caller satisfies a rule, and internal/auth/throttle whether a limit is exceeded.
package directive

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth"
	"usher/internal/auth/throttle"
)

// The names of the directives.
const (
	directiveAuth   = "auth"
	directivePublic = "public"
)

// Schema is a GraphQL schema with its access rules.
type Schema struct {
	*ast.Schema
	// rules has each different rule once, so that equal rules have one address.
	rules []*auth.Rule
	// fields, arguments (of fields) and inputFields have the rules of those with @auth.
	fields      map[*ast.FieldDefinition]*auth.Rule
	arguments   map[*ast.ArgumentDefinition]*auth.Rule
	inputFields map[*ast.FieldDefinition]*auth.Rule
	// public has the fields with @public.
	public map[*ast.FieldDefinition]bool
	// limited has the fields with @rateLimit, and limits each limit by its name.
	limited map[*ast.FieldDefinition]*limited
	limits  map[string]*throttle.Limit
	// leads has the composite types with limited fields in them, at any depth.
	leads map[string]bool
	// requireVerified is what applies to a directive that does not say whether it requires a verified e-mail address.
	requireVerified bool
}

// New reads the rules of a schema. Its error names everything that has no rule by mistake, or a rule that
// is wrong or allows nobody. It does not check which roles and permissions exist, see Requirements. Every field
// needs a rule if its type is Query, Mutation or Subscription, has another field with @auth, or is one of
// guardedTypes: these have a value of the Go type that serves them. With requireVerified, each rule that does not say
// otherwise requires a verified e-mail address.
func New(schema *ast.Schema, guardedTypes map[string]any, requireVerified bool) (*Schema, error) {
	s := &Schema{
		Schema:      schema,
		fields:      map[*ast.FieldDefinition]*auth.Rule{},
		arguments:   map[*ast.ArgumentDefinition]*auth.Rule{},
		inputFields: map[*ast.FieldDefinition]*auth.Rule{},
		public:      map[*ast.FieldDefinition]bool{},
		limited:     map[*ast.FieldDefinition]*limited{},
		limits:      map[string]*throttle.Limit{},

		requireVerified: requireVerified,
	}
	c := &checker{schema: s, guardedTypes: guardedTypes}
	if err := c.run(); err != nil {
		return nil, err
	}
	s.leads = s.leading()
	return s, nil
}

// Rule returns the rule of the schema with these parts, or nil if there is none.
func (s *Schema) Rule(
	requires []auth.Role, permissions []string, orOwner bool, check auth.Check, maxAge *int,
	assurance *auth.RequiredAssurance, verified *bool,
) *auth.Rule {
	mustBeVerified := s.requireVerified
	if verified != nil {
		mustBeVerified = *verified
	}
	var age time.Duration
	if maxAge != nil {
		age = time.Duration(*maxAge) * time.Second
	}
	var level auth.RequiredAssurance
	if assurance != nil {
		level = *assurance
	}
	for _, r := range s.rules {
		if r.Check == check && r.OrOwner == orOwner && r.MaxAge == age && r.Assurance == level && r.Verified == mustBeVerified &&
			slices.Equal(r.Requires, requires) &&
			slices.EqualFunc(r.Permissions, permissions, func(p auth.Permission, name string) bool { return string(p) == name }) {
			return r
		}
	}
	return nil
}

// FieldRule returns the rule of a field, or nil if it has no @auth.
func (s *Schema) FieldRule(field *ast.FieldDefinition) *auth.Rule { return s.fields[field] }

// NeedsVerifiedClaim reports whether a guard that checks only the access token requires a verified e-mail address, so
// that access tokens must say whether it is.
func (s *Schema) NeedsVerifiedClaim() bool {
	return slices.ContainsFunc(s.rules, func(r *auth.Rule) bool { return r.Check == auth.CheckToken && r.Verified })
}

// Requirements lists the roles and permissions that the schema requires, with the places that require them.
func (s *Schema) Requirements() (all auth.Requirements) {
	for _, e := range s.Access() {
		for _, r := range e.Requires {
			all = append(all, auth.Requirement{Coordinate: e.Coordinate, Role: r})
		}
		for _, p := range e.Permissions {
			all = append(all, auth.Requirement{Coordinate: e.Coordinate, Permission: p})
		}
	}
	return all
}

// intern reads the rule of a directive, and returns the equal rule of the schema if it has one.
func (s *Schema) intern(d *ast.Directive) (*auth.Rule, error) {
	var (
		arguments   = d.ArgumentMap(nil) // with the defaults of the directive's declaration
		requires    []auth.Role
		permissions []string
		maxAge      *int
		assurance   *auth.RequiredAssurance
		verified    *bool
	)
	for _, name := range list(arguments["requires"]) {
		role := auth.Role(fmt.Sprint(name))
		if !role.Valid() {
			return nil, fmt.Errorf("requires %q, which is not the name of a role: use up to 63 upper-case letters, digits and underscores", role)
		}
		requires = append(requires, role)
	}
	for _, name := range list(arguments["permissions"]) {
		p := fmt.Sprint(name)
		if !auth.Permission(p).Valid() {
			return nil, fmt.Errorf("requires %q, which is not the name of a permission: use lower-case words separated by colons", p)
		}
		permissions = append(permissions, p)
	}
	if v := arguments["maxAge"]; v != nil {
		seconds, err := strconv.Atoi(fmt.Sprint(v))
		if err != nil || seconds < 1 || seconds > math.MaxInt32 {
			return nil, fmt.Errorf("has maxAge %v, which is not a number of seconds from 1 to %d", v, math.MaxInt32)
		}
		maxAge = &seconds
	}
	if v := arguments["assurance"]; v != nil {
		level := auth.RequiredAssurance(fmt.Sprint(v))
		if level != auth.RequireAAL1 && level != auth.RequireAAL2 && level != auth.RequireHighest {
			return nil, fmt.Errorf("has assurance %s, which does not exist: use AAL1, AAL2 or HIGHEST", level)
		}
		assurance = &level
	}
	if v := arguments["verified"]; v != nil {
		b, ok := v.(bool)
		if !ok {
			return nil, fmt.Errorf("has verified %v, which is neither true nor false", v)
		}
		verified = &b
	}
	orOwner, _ := arguments["orOwner"].(bool)
	check := auth.Check(fmt.Sprint(arguments["check"]))
	if check != auth.CheckSession && check != auth.CheckToken {
		return nil, fmt.Errorf("has check %s, which is neither SESSION nor TOKEN", check)
	}
	if r := s.Rule(requires, permissions, orOwner, check, maxAge, assurance, verified); r != nil {
		return r, nil
	}
	r := &auth.Rule{Requires: requires, OrOwner: orOwner, Check: check, Verified: s.requireVerified}
	if verified != nil {
		r.Verified = *verified
	}
	for _, name := range permissions {
		r.Permissions = append(r.Permissions, auth.Permission(name))
	}
	if assurance != nil {
		if r.Assurance = *assurance; check == auth.CheckToken && r.Assurance != auth.RequireAAL2 {
			return nil, fmt.Errorf("has assurance %s, which an access token does not show: use check: SESSION, or AAL2", r.Assurance)
		}
	}
	if maxAge != nil {
		r.MaxAge = time.Duration(*maxAge) * time.Second
	}
	s.rules = append(s.rules, r)
	return r, nil
}

// list coerces a value to a list: a single value is a list of one (GraphQL October 2021 §3.11, input
// coercion).
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
