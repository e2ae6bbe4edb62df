package limit

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"usher/graph/transport"
)

// more is what other schemas have and Usher's has not: depth, interfaces, fields that take a
// password in roundabout ways.
const more = `
	extend type Query { tree: Tree anyone: Anyone }
	type Tree { tree: Tree other: Tree text(n: Int): String list(first: Int): [Tree] check(password: Password): Boolean }
	interface Anyone { check(password: [Password!]): Boolean }
	extend type Mutation { nested(in: Outer): Boolean }
	input Outer { inner: [[Inner!]!] again: Outer }
	input Inner { outer: Outer password: Password }
`

func loadSchema(t testing.TB) *ast.Schema {
	t.Helper()
	usher, err := os.ReadFile("../../schema.graphqls")
	if err != nil {
		t.Fatal(err)
	}
	return gqlparser.MustLoadSchema(&ast.Source{Input: string(usher)}, &ast.Source{Input: more})
}

// executable counts the root fields that it is asked to execute.
type executable struct {
	schema *ast.Schema
	fields atomic.Int64
}

func (e *executable) Schema() *ast.Schema { return e.schema }

// Complexity makes a list cost its length.
func (e *executable) Complexity(_ context.Context, _, field string, children int, args map[string]any) (int, bool) {
	first, _ := args["first"].(int64)
	return 1 + int(first)*children, field == "list"
}

func (e *executable) Exec(context.Context) graphql.ResponseHandler {
	return func(ctx context.Context) *graphql.Response {
		op := graphql.GetOperationContext(ctx)
		e.fields.Add(int64(len(graphql.CollectFields(op, op.Operation.SelectionSet, nil))))
		return &graphql.Response{Data: json.RawMessage("{}")}
	}
}

func newServer(e *executable, l Limits) *handler.Server {
	server := handler.New(e)
	server.AddTransport(transport.HTTP{})
	l.Apply(server)
	return server
}

// ask sends a document and returns the code and message of the first error.
func ask(t testing.TB, server http.Handler, query string, variables map[string]any) (code, message string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	var response struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
	}
	if err := json.Unmarshal(w.Body.Bytes(), &response); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	if len(response.Errors) == 0 {
		return "", ""
	}
	return response.Errors[0].Extensions.Code, response.Errors[0].Message
}

// TestBounds asks for exactly as much as each limit allows, and for one more.
func TestBounds(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		limit  func(*Limits) *int
		number int
		within string
		beyond string
	}{
		"bytes": {
			func(l *Limits) *int { return &l.Bytes }, 14,
			`{ __typename }`,
			`{ __typename  }`,
		},
		"tokens": {
			func(l *Limits) *int { return &l.Tokens }, 4,
			`{ __typename __typename }`,
			`{ __typename __typename __typename }`,
		},
		"depth by fields": {
			func(l *Limits) *int { return &l.Depth }, 2,
			`{ tree { text } }`,
			`{ tree { tree { text } } }`,
		},
		"depth by inline fragments": {
			func(l *Limits) *int { return &l.Depth }, 2,
			`{ ... { __typename } }`,
			`{ ... { ... { __typename } } }`,
		},
		"depth by spreads": {
			func(l *Limits) *int { return &l.Depth }, 2,
			`{ ...f } fragment f on Query { __typename }`,
			`{ ...f } fragment f on Query { ...g } fragment g on Query { __typename }`,
		},
		"selections": {
			func(l *Limits) *int { return &l.Selections }, 5,
			`{ ...f ...f __typename } fragment f on Query { __typename }`,
			`{ ...f ...f ...f } fragment f on Query { __typename }`,
		},
		"selections in inline fragments": {
			func(l *Limits) *int { return &l.Selections }, 4,
			`{ ... { __typename } ... { __typename } }`,
			`{ ... { __typename } ... { __typename __typename } }`,
		},
		"selections in operations": {
			func(l *Limits) *int { return &l.Selections }, 2,
			`query A { __typename } query B { __typename }`,
			`query A { __typename } query B { __typename __typename }`,
		},
		"comparisons of one name": {
			func(l *Limits) *int { return &l.Comparisons }, 3,
			`{ __typename __typename __typename a: __typename b: __typename }`,
			`{ __typename __typename __typename __typename }`,
		},
		"comparisons at a depth": {
			func(l *Limits) *int { return &l.Comparisons }, 3,
			`{ tree { text ... { text } } }`,
			`{ tree { tree { text ... { text } } } }`,
		},
		"comparisons in one object": {
			func(l *Limits) *int { return &l.Comparisons }, 3,
			`{ tree { text } tree { text } other: tree { text } }`,
			`{ tree { text } tree { text } other: tree { text text } }`,
		},
		"comparisons of spreads": {
			func(l *Limits) *int { return &l.Comparisons }, 3,
			`{ tree { ...f a: tree { ...f } } } fragment f on Tree { text }`,
			`{ tree { ...f ...f } } fragment f on Tree { text }`,
		},
		"comparisons of fragments": {
			func(l *Limits) *int { return &l.Comparisons }, 3,
			`{ ...f ...g ...h } ` + numbered("fgh"),
			`{ ...f ...g ...h ...i } ` + numbered("fghi"),
		},
		"aliases": {
			func(l *Limits) *int { return &l.Aliases }, 2,
			`{ a: __typename tree { b: text text } }`,
			`{ a: __typename tree { b: text c: text } }`,
		},
		"root fields": {
			func(l *Limits) *int { return &l.RootFields }, 2,
			`query A { ...f } query B { tree { text } __typename } fragment f on Query { a: __typename ... { tree { text } } }`,
			`{ ...f tree { text } } fragment f on Query { a: __typename ... { tree { text } } }`,
		},
		"complexity": {
			func(l *Limits) *int { return &l.Complexity }, 3,
			`{ tree { text a: text } }`,
			`{ tree { text tree { text } } }`,
		},
		"complexity by arguments": {
			func(l *Limits) *int { return &l.Complexity }, 9,
			`{ tree { list(first: 7) { text } } }`,
			`{ tree { list(first: 8) { text } } }`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			limits := Default
			*tt.limit(&limits) = tt.number
			server := newServer(&executable{schema: loadSchema(t)}, limits)
			if code, message := ask(t, server, tt.within, nil); code == CodeTooComplex {
				t.Errorf("%s: %s", tt.within, message)
			}
			code, message := ask(t, server, tt.beyond, nil)
			if code != CodeTooComplex || !strings.Contains(message, fmt.Sprintf("more than %d", tt.number)) {
				t.Errorf("%s: %s %q, want %s and the limit %d", tt.beyond, code, message, CodeTooComplex, tt.number)
			}
		})
	}
}

// numbered returns a fragment for each letter, all different.
func numbered(letters string) string {
	var b strings.Builder
	for _, l := range letters {
		fmt.Fprintf(&b, "fragment %c on Query { %c: __typename } ", l, l)
	}
	return b.String()
}

func TestOneCredential(t *testing.T) {
	t.Parallel()
	const (
		login  = `login(input: {identifier: "a", password: "b"}) { tokenType }`
		signup = `signup(input: {username: "a", password: "b"}) { tokenType }`
	)
	tests := map[string]struct {
		document string
		want     string // the code
	}{
		"one":                  {`mutation { ` + login + ` }`, ""},
		"one in a fragment":    {`mutation { ...f } fragment f on Mutation { ... { ` + login + ` } }`, ""},
		"two operations":       {`mutation A { ` + login + ` } mutation B { ` + login + ` }`, "GRAPHQL_VALIDATION_FAILED"}, // which one?
		"aliased":              {`mutation { a: ` + login + ` b: ` + login + ` }`, CodeTooComplex},
		"merged":               {`mutation { ` + login + login + ` }`, CodeTooComplex},
		"two fields":           {`mutation { ` + login + signup + ` }`, CodeTooComplex},
		"skipped":              {`mutation { a: ` + login + ` ... @skip(if: true) { b: ` + login + ` } }`, CodeTooComplex},
		"not included":         {`mutation($x: Boolean = false) { ...f @include(if: $x) b: ` + login + ` } fragment f on Mutation { a: ` + login + ` }`, CodeTooComplex},
		"fragment twice":       {`mutation { ...f ...f } fragment f on Mutation { ` + login + ` }`, CodeTooComplex},
		"nested fragments":     {`mutation { ...f } fragment f on Mutation { a: ` + login + ` ...g } fragment g on Mutation { b: ` + login + ` }`, CodeTooComplex},
		"inline fragments":     {`mutation { ... { a: ` + login + ` } ... on Mutation { b: ` + login + ` } }`, CodeTooComplex},
		"in another operation": {`query Q { me { id } } mutation M { a: ` + login + ` b: ` + login + ` }`, CodeTooComplex},
		"through input types":  {`mutation { a: nested b: nested }`, CodeTooComplex},
		"below the root":       {`{ tree { check other { check } } }`, CodeTooComplex},
		"of an interface":      {`{ anyone { check } ... { anyone { a: check } } }`, CodeTooComplex},
		"none":                 {`{ me { id } tree { text other { text } } }`, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			executable := &executable{schema: loadSchema(t)}
			code, message := ask(t, newServer(executable, Default), tt.document, nil)
			if code != tt.want {
				t.Errorf("%s %q, want %s", code, message, tt.want)
			}
			if n := executable.fields.Load(); n > 0 && tt.want != "" {
				t.Errorf("%d fields were executed", n)
			}
		})
	}
}

// TestThousandLogins has nothing but the rule of one credential to stop it.
func TestThousandLogins(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "a%d: login(input: $input) { tokenType } ", i)
	}
	const most = 1 << 20
	executable := &executable{schema: loadSchema(t)}
	code, _ := ask(t, newServer(executable, Limits{most, most, most, most, most, most, most, most}), "mutation($input: LoginInput!) { "+b.String()+"}",
		map[string]any{"input": map[string]any{"identifier": "a", "password": "b"}})
	if n := executable.fields.Load(); code != CodeTooComplex || n != 0 {
		t.Errorf("code %q and %d logins executed, want %s and none", code, n, CodeTooComplex)
	}
}

// bombs are documents that gqlparser would validate for longer than the time limit of a test.
var bombs = map[string]string{
	"two names":                   `{ tree { ...f0 } }` + chain(` fragment f%d on Tree { tree { ...f%[2]d } other { ...f%[2]d } }`),
	"one name":                    `{ tree { ...f0 } }` + chain(` fragment f%d on Tree { tree { ...f%[2]d } tree { ...f%[2]d } }`),
	"spreads":                     `{ tree { ...f0 } }` + chain(` fragment f%d on Tree { ...f%[2]d tree { ...f%[2]d } }`),
	"introspection":               `{ __schema { types { ...f0 } } }` + chain(` fragment f%d on __Type { x: ofType { ...f%[2]d } y: ofType { ...f%[2]d } }`),
	"unused":                      `{ __typename }` + chain(` fragment f%d on Tree { tree { ...f%[2]d } other { ...f%[2]d } }`),
	"hidden behind an equal name": `{ ...f } fragment f on Query { __typename } fragment f on Query { ` + strings.Repeat("tree { text } ", 900) + `}`,
	"wide":                        `{ tree { ` + strings.Repeat("tree { tree { text } } ", 900) + `} }`,
	"many fragments":              `{ ...f0 }` + chain(` fragment f%d on Query { ...f%[2]d }`) + strings.Repeat(` fragment g on Query { __typename }`, 500),
	"nested inline fragments":     `{ tree { ` + strings.Repeat("... { ", 300) + strings.Repeat("text ", 600) + strings.Repeat("} ", 300) + `} }`,
	"cycle of one":                `{ ...f } fragment f on Query { ...f ...f }`,
	"cycle of two":                `{ tree { ...f } } fragment f on Tree { tree { ...g } other { ...g } } fragment g on Tree { tree { ...f } other { ...f } }`,
}

// chain returns 40 fragments that lead from one to the next.
func chain(fragment string) string {
	var b strings.Builder
	for i := range 40 {
		fmt.Fprintf(&b, fragment, i, i+1)
	}
	return b.String()
}

// TestBombs checks that bombs are rejected before validation. Otherwise it would not end.
func TestBombs(t *testing.T) {
	t.Parallel()
	server := newServer(&executable{schema: loadSchema(t)}, Default)
	for name, document := range bombs {
		if code, message := ask(t, server, document, nil); code != CodeTooComplex {
			t.Errorf("%s: %s %q, want %s", name, code, message, CodeTooComplex)
		}
	}
}

// TestOtherErrors shows that what is wrong in another way stays an error of its own kind.
func TestOtherErrors(t *testing.T) {
	t.Parallel()
	server := newServer(&executable{schema: loadSchema(t)}, Default)
	for document, want := range map[string]string{
		``:                                   "GRAPHQL_VALIDATION_FAILED",
		`{`:                                  "GRAPHQL_PARSE_FAILED",
		`{ absent { deeper } }`:              "GRAPHQL_VALIDATION_FAILED",
		`{ ...absent }`:                      "GRAPHQL_VALIDATION_FAILED",
		`{ ... on Absent { a } }`:            "GRAPHQL_VALIDATION_FAILED",
		`subscription { absent }`:            "GRAPHQL_VALIDATION_FAILED",
		`fragment f on Query { __typename }`: "GRAPHQL_VALIDATION_FAILED",
	} {
		if code, message := ask(t, server, document, nil); code != want {
			t.Errorf("%s: %s %q, want %s", document, code, message, want)
		}
	}
}

// TestIntrospection asks what GraphiQL asks, all options on.
func TestIntrospection(t *testing.T) {
	t.Parallel()
	query, err := os.ReadFile("testdata/introspection.graphql")
	if err != nil {
		t.Fatal(err)
	}
	if code, message := ask(t, newServer(&executable{schema: loadSchema(t)}, Default), string(query), nil); code != "" {
		t.Errorf("%s %q", code, message)
	}
}

// TestVariablesCount shows that a document in the cache is still refused for its variables.
func TestVariablesCount(t *testing.T) {
	t.Parallel()
	server := newServer(&executable{schema: loadSchema(t)}, Default)
	const document = `query($n: Int) { tree { list(first: $n) { text } } }`
	for _, tt := range []struct {
		n    int
		want string
	}{{1, ""}, {Default.Complexity, CodeTooComplex}, {2, ""}} {
		if code, message := ask(t, server, document, map[string]any{"n": tt.n}); code != tt.want {
			t.Errorf("%d: %s %q, want %s", tt.n, code, message, tt.want)
		}
	}
}

func TestSchemaWithoutPassword(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: `type Query { me: String } input Password { text: String }`})
	if err := (&Limiter{}).Validate(&executable{schema: schema}); err == nil {
		t.Error("accepted, want an error: nothing says what a credential is")
	}
}

// FuzzMeasure hangs on documents that are within the limits and take long to validate.
func FuzzMeasure(f *testing.F) {
	schema := loadSchema(f)
	g := &Limiter{limits: Default, schema: schema, credentials: CredentialFields(schema)}
	for _, document := range bombs {
		f.Add(document)
	}
	f.Add(`mutation($p: Password = "x") { ...f @skip(if: true) } fragment f on Mutation { login(input: {identifier: "a", password: $p}) { user { id } } }`)
	f.Fuzz(func(t *testing.T, query string) {
		document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: query}, Default.Tokens)
		if err != nil || g.measure(document) != nil {
			return
		}
		_ = validator.ValidateWithRules(schema, document, rules.NewDefaultRules())
	})
}
