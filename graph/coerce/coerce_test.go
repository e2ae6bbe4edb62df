package coerce

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

const schema = `
type Query {
  f(
    int: Int, float: Float, bool: Boolean, string: String, id: ID, secret: Secret, color: Color, in: In, one: One,
    need: Int! = 5, json: JSON, jsons: [JSON!], ints: [Int], needs: [Int!], grid: [[Int]], ins: [In!], colors: [Color!]
  ): Query
  must(int: Int!, in: In!): Int
}
scalar Secret
scalar JSON
enum Color { RED GREEN }
input In { a: Int, need: Boolean!, color: Color! = RED, again: In, list: [In], secret: Secret }
input One @oneOf { a: Int, b: Secret }
`

func newChecker(t testing.TB) *Checker {
	t.Helper()
	isString := func(v any) bool { _, ok := v.(string); return ok }
	c, err := New(gqlparser.MustLoadSchema(&ast.Source{Input: schema}), map[string]Scalar{
		"String": isString, "ID": isString, "Secret": isString,
		"JSON": func(v any) bool { _, ok := v.(map[string]any); return ok },
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// check does with a request what gqlgen does with it, and returns the first refusal.
func check(t testing.TB, c *Checker, query, operation, variables string) *gqlerror.Error {
	t.Helper()
	document, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		t.Fatal(err)
	}
	r := rules.NewDefaultRules()
	c.Apply(r)
	if errs := validator.ValidateWithRules(c.schema, document, r); len(errs) > 0 {
		return errs[0]
	}
	given := map[string]any{}
	if variables != "" {
		d := json.NewDecoder(strings.NewReader(variables))
		d.UseNumber()
		if err := d.Decode(&given); err != nil {
			t.Fatal(err)
		}
	}
	op := &graphql.OperationContext{Operation: document.Operations.ForName(operation)}
	if op.Variables, err = validator.VariableValues(c.schema, op.Operation, given); err != nil {
		return err.(*gqlerror.Error) //nolint:errorlint // gqlgen does the same
	}
	return c.MutateOperationContext(t.Context(), op)
}

func TestLiterals(t *testing.T) {
	t.Parallel()
	c := newChecker(t)
	tests := map[string]struct{ good, bad []string }{
		"int: ":    {[]string{"0", "-1", "2147483647", "-2147483648", "null"}, []string{"2147483648", "-2147483649", "99999999999999999999", "1.0", "1e3", `"1"`, "true", "RED", "{}", "[]", "[1]", "[{}]"}},
		"float: ":  {[]string{"0", "1.5", "-1e300", "1e3", "null"}, []string{"1e400", `"1"`, "true", "RED", "{}", "[1.0]"}},
		"bool: ":   {[]string{"true", "false", "null"}, []string{"0", "1", `"true"`, "TRUE", "{}", "[]", "[true]"}},
		"string: ": {[]string{`""`, `"a"`, `"""block"""`, "null"}, []string{"1", "1.0", "true", "word", "{}", `["a"]`}},
		"id: ":     {[]string{`"a"`, `"1"`, "null"}, []string{"1", "99999999999999999999", "true", "word", "{}", "[]"}},
		"secret: ": {[]string{`"a"`, "null"}, []string{"1", "99999999999999999999", "1e999", "true", "word", "{}", `{a: "b"}`, `["a"]`}},
		"color: ":  {[]string{"RED", "null"}, []string{"red", "BLUE", `"RED"`, "1", "true", "{}", "[RED]"}},
		"need: ":   {[]string{"1"}, []string{"null", "{}"}},
		"ints: ":   {[]string{"[]", "1", "[1]", "[1, null]", "null"}, []string{"[[1]]", "{}", "[{}]", `"1"`, `[1, "1"]`, "[99999999999]"}},
		"needs: ":  {[]string{"[]", "1", "null"}, []string{"[null]", "[1, null]"}},
		"grid: ":   {[]string{"1", "[1]", "[[1]]", "[[1], 2, null, [null]]"}, []string{"[[[1]]]", "[[{}]]"}},
		"in: ": {
			[]string{"{need: true}", "{need: false, a: null, again: null}", "{need: true, again: {need: true}, list: {need: true}}", "null"},
			[]string{
				"{}", "{need: null}", "{need: {}}", "{a: 1}", "{need: true, b: 1}", `{need: true, __typename: "In"}`, "{need: true, color: null}",
				"{need: true, again: {}}", "{need: true, list: [{need: true}, {}]}", "{need: true, secret: hunter2}", "1", `"in"`, "[]", "[{need: true}]", "IN",
			},
		},
		"json: ": {
			[]string{
				"{}", "null", `{a: 1, b: {c: [true, null, "x", """block""", []]}}`, "{a: 9223372036854775807, b: -9223372036854775808}",
				"{a: [0.1, 1.0, 1e3, -2.5e-7, 0.0, 0e999, 1.7976931348623157e308, 9007199254740992.0]}", `{__typename: "x"}`,
			},
			[]string{
				"1", `"{}"`, "true", "RED", "[]", "[{}]", "{a: RED}", "{a: [{b: hunter2}]}",
				"{a: 9223372036854775808}", "{a: [{b: -9223372036854775809}]}", "{a: 1e400}", "{a: 1e-400}", "{a: 9007199254740993.0}",
				"{a: 0.1000000000000000055511151231257827}", "{a: 123456789.123456789123}",
				"{a: 1." + strings.Repeat("0", 200) + "}",
			},
		},
		"jsons: ":  {[]string{"[]", "[{a: 1.5}]", "{a: 1}"}, []string{"[null]", "[[{}]]", "[1]", "[{a: 1e400}]"}},
		"ins: ":    {[]string{"[]", "{need: true}", "[{need: true}]"}, []string{"[null]", "[{}]", "{}", "[[{need: true}]]"}},
		"colors: ": {[]string{"RED", "[RED, GREEN]"}, []string{"[RED, red]", "[null]", "[[RED]]"}},
		"one: ":    {[]string{"{a: 1}", `{b: "x"}`, "null"}, []string{"{}", "{a: null}", `{a: 1, b: "x"}`, "{c: 1}", "{a: {}}", "{b: 1}"}},
	}
	places := map[string]string{
		"field":     "{ f(%s) { __typename } }",
		"deep":      "{ f { ... { f(%s) { __typename } } } }",
		"fragment":  "{ ...F } fragment F on Query { f(%s) { __typename } }",
		"skipped":   "{ f(%s) @skip(if: true) { __typename } }",
		"not asked": "query A { __typename } query B { f(%s) { __typename } }",
	}
	for argument, tt := range tests {
		for place, query := range places {
			name := "A"
			if place != "not asked" {
				name = ""
			}
			for _, value := range tt.good {
				if err := check(t, c, strings.Replace(query, "%s", argument+value, 1), name, ""); err != nil {
					t.Errorf("%s%s in a %s: %v", argument, value, place, err)
				}
			}
			for _, value := range tt.bad {
				err := check(t, c, strings.Replace(query, "%s", argument+value, 1), name, "")
				if err == nil {
					t.Errorf("%s%s in a %s is accepted", argument, value, place)
				} else if err.Rule != RuleName || len(err.Locations) == 0 {
					t.Errorf("%s%s in a %s: rule %q at %v, want %s", argument, value, place, err.Rule, err.Locations, RuleName)
				} else if strings.Contains(err.Message, "hunter2") {
					t.Errorf("the message repeats the value: %s", err.Message)
				}
			}
		}
	}
}

func TestDirectives(t *testing.T) {
	t.Parallel()
	c := newChecker(t)
	for _, place := range []string{
		"{ __typename %s }", "{ ... %s { __typename } }", "{ ...F %s } fragment F on Query { __typename }",
		"{ f { f { __typename %s } } }", "{ ...F } fragment F on Query { ... %s { __typename } }",
	} {
		for value, want := range map[string]bool{
			"true": true, "false": true, "{}": false, "null": false, "1": false, `"true"`: false, "TRUE": false, "[true]": false, "99999999999999999999": false,
		} {
			for _, directive := range []string{"@skip(if: ", "@include(if: "} {
				query := strings.Replace(place, "%s", directive+value+")", 1)
				if err := check(t, c, query, "", ""); (err == nil) != want {
					t.Errorf("%s: %v", query, err)
				}
			}
		}
		for variables, want := range map[string]bool{`{}`: true, `{"b": true}`: true, `{"b": null}`: false, `{"b": 1}`: false, `{"b": {}}`: false} {
			query := "query ($b: Boolean = true) " + strings.Replace(place, "%s", "@include(if: $b)", 1)
			if err := check(t, c, query, "", variables); (err == nil) != want {
				t.Errorf("%s with %s: %v", query, variables, err)
			}
		}
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	c := newChecker(t)
	tests := map[string]struct {
		typ, argument string
		good, bad     []string
	}{
		"Int":     {"Int", "int", []string{`1`, `-2147483648`, `null`}, []string{`"1"`, `1.0`, `1e3`, `2147483648`, `99999999999999999999`, `true`, `{}`, `[]`, `[1]`}},
		"Float":   {"Float", "float", []string{`1`, `1.5`, `1e3`, `null`}, []string{`"1"`, `1e400`, `true`, `{}`, `[]`}},
		"Boolean": {"Boolean", "bool", []string{`true`, `null`}, []string{`0`, `"true"`, `{}`, `[]`}},
		"String":  {"String", "string", []string{`""`, `null`}, []string{`1`, `true`, `{}`, `["a"]`}},
		"ID":      {"ID", "id", []string{`"a"`, `null`}, []string{`1`, `1.5`, `true`, `{}`}},
		"scalar":  {"Secret", "secret", []string{`"a"`, `null`}, []string{`1`, `true`, `{}`, `{"a": 1}`, `["a"]`}},
		"enum":    {"Color", "color", []string{`"RED"`, `null`}, []string{`"red"`, `"BLUE"`, `1`, `true`, `{}`, `["RED"]`}},
		"list":    {"[Int]", "ints", []string{`[]`, `1`, `[1, null]`, `null`}, []string{`["1"]`, `"1"`, `[[1]]`, `[{}]`, `{}`, `[2147483648]`}},
		"needs":   {"[Int!]", "needs", []string{`[]`, `1`}, []string{`[null]`, `[1, null]`, `["1"]`}},
		"grid":    {"[[Int]]", "grid", []string{`1`, `[1]`, `[[1], 2, null]`}, []string{`[[[1]]]`, `[["1"]]`, `[{}]`}},
		"enums":   {"[Color!]", "colors", []string{`"RED"`, `["RED", "GREEN"]`}, []string{`["RED", "red"]`, `[null]`, `[["RED"]]`}},
		"input": {
			"In", "in",
			[]string{`{"need": true}`, `{"need": true, "a": null, "list": [null, {"need": false}]}`, `{"need": true, "list": {"need": true}}`, `null`},
			[]string{
				`{}`, `{"need": null}`, `{"need": 1}`, `{"need": true, "a": "1"}`, `{"need": true, "a": 1.0}`, `{"need": true, "hunter2": 1}`, `{"need": true, "": 1}`,
				`{"need": true, "__typename": "In"}`, `{"need": true, "color": null}`, `{"need": true, "color": "red"}`, `{"need": true, "again": {}}`,
				`{"need": true, "list": [{"need": true}, {}]}`, `{"need": true, "secret": 1}`, `1`, `"in"`, `[]`, `[{"need": true}]`,
			},
		},
		"inputs": {"[In!]", "ins", []string{`[]`, `{"need": true}`}, []string{`[null]`, `{}`, `[{}]`, `[[{"need": true}]]`}},
		"one":    {"One", "one", []string{`{"a": 1}`, `{"b": "x"}`, `null`}, []string{`{}`, `{"a": null}`, `{"a": 1, "b": "x"}`, `{"c": 1}`, `{"b": 1}`}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			query := "query ($v: " + tt.typ + ") { f(" + tt.argument + ": $v) { __typename } }"
			for _, value := range tt.good {
				if err := check(t, c, query, "", `{"v": `+value+`}`); err != nil {
					t.Errorf("%s: %v", value, err)
				}
			}
			for _, value := range tt.bad {
				if err := check(t, c, query, "", `{"v": `+value+`}`); err == nil {
					t.Errorf("%s is accepted", value)
				}
			}
			if err := check(t, c, query, "", ""); err != nil {
				t.Errorf("left out: %v", err)
			}
		})
	}
}

// TestNulls is about nullable variables in positions that are not.
func TestNulls(t *testing.T) {
	t.Parallel()
	c := newChecker(t)
	tests := map[string]struct {
		query, variables string
		want             bool
	}{
		"default, left out":          {`query ($v: Int = 1) { must(int: $v, in: {need: true}) }`, `{}`, true},
		"default, null":              {`query ($v: Int = 1) { must(int: $v, in: {need: true}) }`, `{"v": null}`, false},
		"no default":                 {`query ($v: Int) { must(int: $v, in: {need: true}) }`, `{"v": 1}`, false},
		"position with default":      {`query ($v: Int) { f(need: $v) { __typename } }`, `{}`, true},
		"position with default null": {`query ($v: Int) { f(need: $v) { __typename } }`, `{"v": null}`, false},
		"field with default":         {`query ($v: Color) { f(in: {need: true, color: $v}) { __typename } }`, `{}`, true},
		"field with default, null":   {`query ($v: Color) { f(in: {need: true, color: $v}) { __typename } }`, `{"v": null}`, false},
		"field":                      {`query ($v: Boolean = true) { f(in: {need: $v}) { __typename } }`, `{"v": null}`, false},
		"element":                    {`query ($v: Int = 1) { f(needs: [1, $v]) { __typename } }`, `{"v": null}`, false},
		"nullable element":           {`query ($v: Int = 1) { f(ints: [1, $v]) { __typename } }`, `{"v": null}`, true},
		"deep":                       {`query ($v: Boolean = true) { f(ins: [{need: true, list: [{need: true, again: {need: $v}}]}]) { __typename } }`, `{"v": null}`, false},
		"input":                      {`query ($v: In = {need: true}) { must(int: 1, in: $v) }`, `{"v": null}`, false},
		"in a fragment":              {`query ($v: Int = 1) { ...F } fragment F on Query { f { ... { f(need: $v) { __typename } } } }`, `{"v": null}`, false},
		"in a skipped field":         {`query ($v: Int = 1) { f(need: $v) @skip(if: true) { __typename } }`, `{"v": null}`, false},
		"nullable position":          {`query ($v: Int = 1) { f(int: $v) { __typename } }`, `{"v": null}`, true},
		"null default":               {`query ($v: Int = null) { f(int: $v) { __typename } }`, `{}`, true},
		"null default, not null":     {`query ($v: Int! = null) { f(int: $v) { __typename } }`, `{}`, false},
		"required, left out":         {`query ($v: Int!) { f(int: $v) { __typename } }`, `{}`, false},
		"required, null":             {`query ($v: Int!) { f(int: $v) { __typename } }`, `{"v": null}`, false},
		"wrong default":              {`query ($v: Int = {}) { f(int: $v) { __typename } }`, `{"v": 1}`, false},
		"default out of range":       {`query ($v: Secret = 99999999999999999999) { f(secret: $v) { __typename } }`, `{}`, false},
		"unused value":               {`query ($v: Int) { f(int: $v) { __typename } }`, `{"w": {}}`, true},
		"introspection":              {`query ($v: Boolean = true) { __schema { types { fields(includeDeprecated: $v) { name } } } }`, `{"v": 1}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := check(t, c, tt.query, "", tt.variables); (err == nil) != tt.want {
				t.Errorf("error %v, want one: %t", err, !tt.want)
			}
		})
	}
}

// TestPathsHaveNamesOfTheSchema shows that no error about a variable repeats what the client sent.
func TestPathsHaveNamesOfTheSchema(t *testing.T) {
	t.Parallel()
	c := newChecker(t)
	for variables, want := range map[string]string{
		`{"need": true, "list": [{"need": true}, {"need": true, "secret": 1}]}`: "variable.v.list[1].secret",
		`{"need": true, "color": 1}`: "variable.v.color",
		`{"need": true, "list": [{"need": true, "again": {"need": true, "__typename": 1}}]}`: "variable.v.list[0].again",
	} {
		err := check(t, c, `query ($v: In) { f(in: $v) { __typename } }`, "", `{"v": `+variables+`}`)
		if err == nil || err.Path.String() != want {
			t.Errorf("%s: %v, want the path %s", variables, err, want)
		}
	}
}

// TestOtherOperationsDefault shows that a variable that was left out does not take the default that it
// has in another operation of the document.
func TestOtherOperationsDefault(t *testing.T) {
	t.Parallel()
	c := newChecker(t)
	document, err := parser.ParseQuery(&ast.Source{Input: `
		query A($v: Int) { ...F } query B($v: Int = 9) { ...F }
		fragment F on Query { f(in: {need: true, a: $v}, ints: [$v]) { __typename } }`})
	if err != nil {
		t.Fatal(err)
	}
	r := rules.NewDefaultRules()
	c.Apply(r)
	if errs := validator.ValidateWithRules(c.schema, document, r); len(errs) > 0 {
		t.Fatal(errs)
	}
	spread := document.Operations.ForName("A").SelectionSet[0].(*ast.FragmentSpread)
	arguments := spread.Definition.SelectionSet[0].(*ast.Field).ArgumentMap(map[string]any{})
	if a, ok := arguments["in"].(map[string]any)["a"]; ok {
		t.Errorf("A has the value %v for a, want none", a)
	}
	if ints := arguments["ints"].([]any); ints[0] != nil {
		t.Errorf("A has the value %v in ints, want null", ints)
	}
}

func TestNew(t *testing.T) {
	t.Parallel()
	if _, err := New(newChecker(t).schema, nil); err == nil || !strings.Contains(err.Error(), "has no function") {
		t.Errorf("error %v for a schema with scalars that nothing is known of", err)
	}
}
