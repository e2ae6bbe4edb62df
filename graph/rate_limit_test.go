package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph"
	"usher/internal/auth"
	"usher/internal/auth/throttle"
	"usher/internal/store"
	"usher/internal/storetest"
)

// throttled admits uses, unless refuse is set, and notes them.
type throttled struct {
	mu      sync.Mutex
	refuse  error
	uses    []throttle.Use
	settled map[int]throttle.Result // by the index of the use
	ran     map[string]int
}

func (x *throttled) admit(_ context.Context, uses []throttle.Use) (func(context.Context, int, throttle.Result), error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.uses, x.settled = slices.Clone(uses), map[int]throttle.Result{}
	if refused, ok := x.refuse.(*auth.Error); ok { //nolint:errorlint // The error as it is.
		return nil, &throttle.Refusal{Use: len(uses) - 1, Err: refused}
	}
	if x.refuse != nil {
		return nil, x.refuse
	}
	return func(_ context.Context, i int, result throttle.Result) {
		x.mu.Lock()
		defer x.mu.Unlock()
		if _, again := x.settled[i]; again {
			panic("settled twice")
		}
		x.settled[i] = result
	}, nil
}

// around counts how often the fields of a mutation run.
func (x *throttled) around(ctx context.Context, next graphql.Resolver) (any, error) {
	if f := graphql.GetFieldContext(ctx); f.Object == "Mutation" {
		x.mu.Lock()
		x.ran[f.Object+"."+f.Field.Name]++
		x.mu.Unlock()
	}
	return next(ctx)
}

func (x *throttled) reset() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.uses, x.settled, x.ran = nil, nil, map[string]int{}
}

// counted returns the number of uses by field.
func (x *throttled) counted() map[string]int {
	counted := map[string]int{}
	for _, u := range x.uses {
		counted[u.Field]++
	}
	return counted
}

// TestLimitsCountWhatRuns sends every limited field in every form that a document can give it. Each counts exactly as
// often as it runs.
func TestLimitsCountWhatRuns(t *testing.T) {
	t.Parallel()
	schema, err := graph.AccessSchema(false)
	check(t, err)
	rules := schema.RateLimits()
	if len(rules) < 20 {
		t.Fatalf("%d limited fields", len(rules))
	}
	// F is the field with its arguments, and D its variables as they are declared.
	forms := map[string]string{
		"plain":            `mutation D { F }`,
		"alias":            `mutation D { x: F }`,
		"twice":            `mutation D { F x: F y: F }`,
		"merged":           `mutation D { F F ... { F } }`,
		"fragment":         `mutation D { ...A } fragment A on Mutation { ...B } fragment B on Mutation { x: F }`,
		"inline fragment":  `mutation D { ... on Mutation { ... { F } } }`,
		"skipped":          `mutation D { F @skip(if: true) __typename }`,
		"not skipped":      `mutation D { F @skip(if: false) }`,
		"not included":     `mutation D { ... @include(if: false) { F } x: F @include(if: false) __typename }`,
		"skipped and not":  `mutation D { F @skip(if: true) ...A } fragment A on Mutation { x: F @include(if: true) }`,
		"second operation": `query Q { me { id } } mutation D { F }`,
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		x := &throttled{}
		build := graph.NewWatched(x.around, func(context.Context) (any, error) { return nil, nil })
		server := newServer(t, s, func(o graph.Options) (http.Handler, error) { return build(graph.Admitting(o, x.admit)) })
		for _, coordinate := range slices.Sorted(maps.Keys(rules)) {
			typeName, name, _ := strings.Cut(coordinate, ".")
			field := schema.Types[typeName].Fields.ForName(name)
			for form, document := range forms {
				for _, variables := range []bool{false, true} {
					x.reset()
					body := fill(t, schema.Schema, field, document, variables)
					_, answer := server.post(t, "root", body)
					if diff := cmp.Diff(x.ran, x.counted()); diff != "" {
						t.Errorf("%s, %s, variables %t: (-ran +counted):\n%s\n%s %v", coordinate, form, variables, diff, body, answer)
					}
					if n := len(x.uses); form == "fragment" && n != 1 {
						t.Errorf("%s, %s: %d uses\n%s %v", coordinate, form, n, body, answer)
					}
					if len(x.settled) != len(x.uses) {
						t.Errorf("%s, %s: %d of %d uses settled", coordinate, form, len(x.settled), len(x.uses))
					}
				}
			}
		}
	})
}

// fill puts a field with arguments into a document, as literals or as variables, and returns the request.
func fill(t *testing.T, schema *ast.Schema, field *ast.FieldDefinition, document string, variables bool) string {
	t.Helper()
	var arguments, declared []string
	values := map[string]any{}
	for _, a := range field.Arguments {
		value := example(schema, a.Type)
		if variables {
			values[a.Name] = value
			declared = append(declared, "$"+a.Name+": "+a.Type.String())
			arguments = append(arguments, a.Name+": $"+a.Name)
		} else {
			arguments = append(arguments, a.Name+": "+literal(value))
		}
	}
	text, declaration := field.Name, "M"
	if len(arguments) > 0 {
		text += "(" + strings.Join(arguments, ", ") + ")"
	}
	if len(declared) > 0 {
		declaration += "(" + strings.Join(declared, ", ") + ")"
	}
	parts := strings.NewReplacer("mutation D", "mutation "+declaration).Replace(document)
	for _, directive := range []string{"@skip(if: true)", "@skip(if: false)", "@include(if: true)", "@include(if: false)"} {
		parts = strings.ReplaceAll(parts, "F "+directive, text+" "+directive+" { __typename }")
	}
	parts = strings.ReplaceAll(parts, "F }", text+" { __typename } }")
	parts = strings.ReplaceAll(parts, "F F", text+" { __typename } "+text+" { __typename }")
	parts = strings.ReplaceAll(parts, "F ", text+" { __typename } ")
	body, err := json.Marshal(map[string]any{"query": parts, "variables": values, "operationName": "M"})
	check(t, err)
	return string(body)
}

// example returns a value of a type, with a value for every field.
func example(schema *ast.Schema, typ *ast.Type) any {
	if typ.Elem != nil {
		return []any{example(schema, typ.Elem)}
	}
	def := schema.Types[typ.NamedType]
	switch def.Kind {
	case ast.InputObject:
		object := map[string]any{}
		for _, f := range givenFields(def) {
			object[f.Name] = example(schema, f.Type)
		}
		return object
	case ast.Enum:
		return enum(def.EnumValues[0].Name)
	}
	switch typ.NamedType {
	case "Int":
		return 1
	case "Boolean":
		return true
	case "ID":
		return uuid.UUID{6: 0x70, 8: 0x80, 15: 9}.String()
	case "EmailAddress":
		return "ada@example.com"
	case "Role":
		return "USER"
	case "JSONObject":
		return map[string]any{"a": 1}
	case "Password":
		return "hunter2 hunter2 hunter2"
	}
	return "x"
}

// givenFields returns the fields of an input that a test gives: all, or the first one of a @oneOf.
func givenFields(def *ast.Definition) ast.FieldList {
	if def.Directives.ForName("oneOf") != nil {
		return def.Fields[:1]
	}
	return def.Fields
}

// enum is the value of an enum.
type enum string

func literal(value any) string {
	switch v := value.(type) {
	case enum:
		return string(v)
	case []any:
		return "[" + literal(v[0]) + "]"
	case map[string]any:
		var fields []string
		for name, inner := range v {
			fields = append(fields, name+": "+literal(inner))
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case string:
		return `"` + v + `"`
	}
	return fmt.Sprint(value)
}

// TestRateLimited refuses operations. Nothing of them runs, and the guards are not asked.
func TestRateLimited(t *testing.T) {
	t.Parallel()
	challenge := &auth.Challenge{Algorithm: "SHA-256", Challenge: "c0ffee", Salt: "5a17", MaxNumber: 1000, Signature: "516e"}
	refusals := map[string]struct {
		err                 error
		code, member, retry string
		status              int
	}{
		"refused":     {&auth.Error{Code: auth.CodeRateLimited, RetryAfter: 1500 * time.Millisecond}, "RATE_LIMITED", `"retryAfter":2`, "2", 200},
		"challenge":   {&auth.Error{Code: auth.CodeChallengeRequired, Challenge: challenge}, "CHALLENGE_REQUIRED", `"challenge":{"algorithm":"SHA-256","challenge":"c0ffee","salt":"5a17","maxnumber":1000,"signature":"516e"}`, "", 200},
		"unavailable": {fmt.Errorf("canary: %w", auth.ErrBusy), "SERVICE_UNAVAILABLE", `"retryAfter":2`, "2", 200},
		"fault":       {fmt.Errorf("canary"), "INTERNAL_SERVER_ERROR", `"requestId"`, "", 200},
	}
	operations := map[string]struct{ query, path string }{
		"public":   {`mutation { login(input: {identifier: "ada", password: "four small green turtles"}) { accessToken } }`, `["login"]`},
		"alias":    {`mutation { x: requestPasswordReset(input: {identifier: "ada"}) { flow } logout { success: __typename } }`, `["x"]`},
		"guarded":  {`mutation { deleteMe { __typename } }`, `["deleteMe"]`},
		"fragment": {`mutation { ...F } fragment F on Mutation { y: deleteMe { __typename } }`, `["y"]`},
		"second":   {`mutation { a: deleteMe { __typename } b: requestPasswordReset(input: {identifier: "ada"}) { flow } }`, `["b"]`},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		x := &throttled{}
		build := graph.NewWatched(x.around, nil)
		server := newServer(t, s, func(o graph.Options) (http.Handler, error) { return build(graph.Admitting(o, x.admit)) })
		for refused, r := range refusals {
			for name, op := range operations {
				x.reset()
				x.refuse = r.err
				body, err := json.Marshal(map[string]string{"query": op.query})
				check(t, err)
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.url+"/graphql", bytes.NewReader(body))
				check(t, err)
				request.Header.Set("Content-Type", "application/json")
				response, err := http.DefaultClient.Do(request)
				check(t, err)
				raw, err := io.ReadAll(response.Body)
				check(t, err)
				check(t, response.Body.Close())
				text := string(raw)
				if name == "second" && refused != "refused" && refused != "challenge" { // it concerns the operation
					op.path = `["a"]`
				}
				for _, want := range []string{`"data":null`, `"code":"` + r.code + `"`, `"path":` + op.path, `"locations":[{"line":1,`, r.member} {
					if !strings.Contains(text, want) {
						t.Errorf("%s, %s: no %s in %s", refused, name, want, text)
					}
				}
				if strings.Count(text, `"message"`) != 1 || strings.Contains(text, "canary") || len(x.ran) > 0 {
					t.Errorf("%s, %s: ran %v, %s", refused, name, x.ran, text)
				}
				if got := response.Header.Get("Retry-After"); got != r.retry || response.StatusCode != r.status {
					t.Errorf("%s, %s: Retry-After %q and status %d", refused, name, got, response.StatusCode)
				}
			}
		}
	})
}
