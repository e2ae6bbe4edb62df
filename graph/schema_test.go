package graph

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth"
)

// TestSchema holds the schema of the repository itself to the rules.
func TestSchema(t *testing.T) {
	t.Parallel()
	if err := Check(); err != nil {
		t.Error(err)
	}
	described(t, parsedSchema)
}

// described fails for everything in the schema without a description: they are the documentation
// of the people who use it.
func described(t *testing.T, schema *ast.Schema) {
	need := func(place, description string) {
		if strings.TrimSpace(description) == "" {
			t.Errorf("%s has no description", place)
		}
	}
	for name, def := range schema.Types {
		if def.BuiltIn {
			continue
		}
		need(name, def.Description)
		for _, v := range def.EnumValues {
			need(name+"."+v.Name, v.Description)
		}
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			need(name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				need(name+"."+f.Name+"("+a.Name+":)", a.Description)
			}
		}
	}
	for name, d := range schema.Directives {
		if d.Position.Src.BuiltIn {
			continue
		}
		need("@"+name, d.Description)
		for _, a := range d.Arguments {
			need("@"+name+"("+a.Name+":)", a.Description)
		}
	}
}

// TestStepUp checks that an administrator's mutations require a recent authentication, except those listed. A copied
// access token must not give anybody rights, here or at a service that reads custom claims.
func TestStepUp(t *testing.T) {
	t.Parallel()
	schema, err := accessSchema(false)
	if err != nil {
		t.Fatal(err)
	}
	without := map[string]string{
		"updateUser":             "its input fields have rules of their own",
		"disableUser":            "takes rights away, and must be quick in an emergency",
		"revokeUserSessions":     "takes rights away, and must be quick in an emergency",
		"enableUser":             "restores what an administrator had decided before",
		"sendPasswordReset":      "gives nobody rights but the user, who alone reads the mail",
		"retryMail":              "sends what somebody has asked for before",
		"UpdateUserInput.userId": "names the user", "UpdateUserInput.fullName": "is for people", "UpdateUserInput.metadata": "proves nothing",
		"UpdateUserInput.locale": "is for people",
	}
	checked := 0
	check := func(name string, maxAge bool) {
		checked++
		if _, listed := without[name]; listed == maxAge {
			t.Errorf("%s: maxAge %t, listed as an exception %t", name, maxAge, listed)
		}
	}
	for _, field := range schema.Mutation.Fields {
		if rule := schema.FieldRule(field); rule != nil && slices.Contains(rule.Requires, auth.RoleAdmin) {
			check(field.Name, rule.MaxAge > 0)
		}
	}
	for _, field := range parsedSchema.Types["UpdateUserInput"].Fields {
		guard := field.Directives.ForName("auth")
		check("UpdateUserInput."+field.Name, guard != nil && guard.Arguments.ForName("maxAge") != nil)
	}
	if checked < len(without)+5 {
		t.Errorf("%d places checked", checked)
	}
}
