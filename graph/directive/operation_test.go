package directive

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"usher/internal/auth"
)

const mutations = language + `
type Note { text: String @public }
type Query { a: Int @public }
type Mutation {
  open: Int @public
  user: Int @auth
  admin: Int @auth(requires: ADMIN)
  set(in: In, list: [In], deep: Deep, flag: Boolean @auth(requires: ADMIN, maxAge: 60), any: Any, first: Int = 20, preset: In = {free: 1}): Int @auth
}
input In { free: Int role: Int @auth(requires: ADMIN) many: [Int] @auth(requires: ADMIN, permissions: ["audit:read"]) again: In }
input Deep { in: [[In!]!] need: In! = {} }
scalar Any
`

func TestRefusals(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query     string
		variables string
		want      string // the fields that a user without the role ADMIN may not have
	}{
		"nothing":                    {query: `{ open user }`},
		"field":                      {query: `{ open admin user }`, want: "admin"},
		"alias":                      {query: `{ user x: admin admin }`, want: "x admin"},
		"fragment":                   {query: `{ ...F } fragment F on Mutation { ...G } fragment G on Mutation { admin }`, want: "admin"},
		"inline fragment":            {query: `{ ... { ... on Mutation { admin } } }`, want: "admin"},
		"skipped":                    {query: `{ open admin @skip(if: true) ... @include(if: false) { admin } }`},
		"not skipped":                {query: `($skip: Boolean!) { admin @skip(if: $skip) }`, variables: `{"skip": false}`, want: "admin"},
		"skipped, variable":          {query: `($skip: Boolean!) { open admin @skip(if: $skip) }`, variables: `{"skip": true}`},
		"merged":                     {query: `{ admin admin ...F } fragment F on Mutation { admin }`, want: "admin"},
		"argument":                   {query: `{ set(flag: false) }`, want: "set"},
		"argument, null":             {query: `{ set(flag: null) }`, want: "set"},
		"argument, variable":         {query: `($f: Boolean) { set(flag: $f) }`, variables: `{"f": true}`, want: "set"},
		"argument, variable null":    {query: `($f: Boolean) { set(flag: $f) }`, variables: `{"f": null}`, want: "set"},
		"argument, variable default": {query: `($f: Boolean = true) { set(flag: $f) }`, want: "set"},
		"argument, no variable":      {query: `($f: Boolean) { set(flag: $f) }`},
		"input":                      {query: `{ set(in: {free: 1, role: 2}) }`, want: "set"},
		"input, free":                {query: `{ set(in: {free: 1}) }`},
		"input, null":                {query: `{ set(in: {role: null}) }`, want: "set"},
		"input is null":              {query: `{ set(in: null) }`},
		"input, list":                {query: `{ set(in: {many: [1]}) }`, want: "set"},
		"input, nested":              {query: `{ set(in: {again: {again: {role: 1}}}) }`, want: "set"},
		"input, variable":            {query: `($r: Int) { set(in: {role: $r}) }`, variables: `{"r": 1}`, want: "set"},
		"input, no variable":         {query: `($r: Int) { set(in: {role: $r}) }`},
		"input, variable default":    {query: `($r: Int = 1) { set(in: {role: $r}) }`, want: "set"},
		"input is a variable":        {query: `($in: In) { set(in: $in) }`, variables: `{"in": {"role": null}}`, want: "set"},
		"input is a default":         {query: `($in: In = {role: 1}) { set(in: $in) }`, want: "set"},
		"input is free":              {query: `($in: In) { set(in: $in) }`, variables: `{"in": {"again": {"free": 1}}}`},
		"list":                       {query: `{ set(list: [{free: 1}, {role: 2}]) }`, want: "set"},
		"list of one":                {query: `{ set(list: {role: 2}) }`, want: "set"},
		"list is a variable":         {query: `($l: [In]) { set(list: $l) }`, variables: `{"l": [null, {"role": 1}]}`, want: "set"},
		"list of one is a variable":  {query: `($l: [In]) { set(list: $l) }`, variables: `{"l": {"role": 1}}`, want: "set"},
		"lists of lists":             {query: `($d: Deep) { set(deep: $d) }`, variables: `{"d": {"in": {"role": 1}}}`, want: "set"},
		"lists of lists, free":       {query: `($d: Deep) { set(deep: $d) }`, variables: `{"d": {"in": [[{"free": 1}]]}}`},
		"scalar that is an object":   {query: `($a: Any) { set(any: $a) }`, variables: `{"a": {"role": 1}}`},
		"field before argument":      {query: `{ admin set(flag: true) }`, want: "admin set"},
	}
	s, err := New(load(t, mutations), guardedTypes, false)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused := s.Refusals(operation(t, s, "mutation "+tt.query, tt.variables), func(r *auth.Rule) error {
				if !r.HasRole([]auth.Role{auth.RoleUser}) {
					return errors.New("refused")
				}
				return nil
			})
			var got []string
			for _, r := range refused {
				got = append(got, r.Field.Alias)
			}
			if diff := cmp.Diff(tt.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("refused (-want +got):\n%s", diff)
			}
		})
	}
}

// operation prepares one for execution as gqlgen does.
func operation(t testing.TB, s *Schema, query, variables string) *graphql.OperationContext {
	t.Helper()
	document, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		t.Fatal(err)
	}
	var errs gqlerror.List
	if errs = validator.ValidateWithRules(s.Schema, document, nil); len(errs) > 0 {
		t.Fatal(errs)
	}
	values := map[string]any{}
	if variables != "" {
		if err := json.Unmarshal([]byte(variables), &values); err != nil {
			t.Fatal(err)
		}
	}
	values, err = validator.VariableValues(s.Schema, document.Operations[0], values)
	if err != nil {
		t.Fatal(err)
	}
	return &graphql.OperationContext{Doc: document, Operation: document.Operations[0], Variables: values}
}
