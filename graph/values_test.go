package graph_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph"
	"usher/graph/directive"
	"usher/internal/e2e/operations"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestWrongValues sends requests with values that do not fit the schema. Each once ended the process, made
// it panic, or ran with a guess. Each is refused as a whole: nothing is executed and nothing is written.
// The user has several live sessions, since gqlgen answers lists of two and more in goroutines of its own.
func TestWrongValues(t *testing.T) {
	t.Parallel()
	const sessions = `user { sessions { edges { cursor @include(if: $b) } } }`
	login := `login(input: {identifier: "user1", password: "` + goodPassword + `"})`
	tests := map[string]struct {
		as, query, variables string
	}{
		"null for Boolean! in a list, anonymous":  {"", `mutation ($b: Boolean = true) { ` + login + ` { ` + sessions + ` } }`, `{"b": null}`},
		"null for Boolean! in a list, signed in":  {"user", `query ($b: Boolean = true) { me { sessions { edges { cursor @include(if: $b) } } } }`, `{"b": null}`},
		"null for Boolean! in the list's objects": {"user", `query ($b: Boolean = true) { me { sessions { edges { node { id @skip(if: $b) } } } } }`, `{"b": null}`},
		"null for Boolean! in a list of users":    {"admin", `query ($b: Boolean = true) { users { edges { node { ...F } } } } fragment F on User { id @include(if: $b) }`, `{"b": null}`},
		"null for Boolean! in the audit log":      {"admin", `query ($b: Boolean = true) { auditEvents { edges { ... @include(if: $b) { node { id } } } } }`, `{"b": null}`},
		"{} for Boolean! at the root":             {"", `{ __typename @include(if: {}) }`, ``},
		"{} for first of users":                   {"", `{ users(first: {}) { edges { cursor } } }`, ``},
		"{} for first of auditEvents":             {"", `{ auditEvents(first: {}) { edges { cursor } } }`, ``},
		"{} for a Boolean in a filter":            {"", `{ users(filter: {disabled: {}}) { edges { cursor } } }`, ``},
		"null for Boolean! at the root":           {"", `query ($b: Boolean = true) { __typename @include(if: $b) }`, `{"b": null}`},
		"a write before {} for Boolean!":          {"user", `mutation { updateMe(input: {fullName: "Committed"}) { user { id @include(if: {}) } } }`, ``},
		"a write before null for Boolean!":        {"user", `mutation ($b: Boolean = true) { updateMe(input: {fullName: "Committed"}) { user { id @include(if: $b) } } }`, `{"b": null}`},
		"a write before a null page":              {"user", `mutation ($b: Boolean = true) { updateMe(input: {fullName: "Committed"}) { user { sessions(first: 99999999999) { edges { cursor @include(if: $b) } } } } }`, ``},
		"null for an input with a default":        {"", `mutation ($i: LoginInput = {identifier: "user1", password: "x"}) { login(input: $i) { tokenType } }`, `{"i": null}`},
		"null for a field with a default":         {"", `mutation ($s: SessionTransport) { login(input: {identifier: "user1", password: "x", session: $s}) { tokenType } }`, `{"s": null}`},
		"text for Int":                            {"admin", `query ($n: Int) { users(first: $n) { edges { cursor } } }`, `{"n": "1"}`},
		"2^31 for Int":                            {"admin", `query ($n: Int) { users(first: $n) { edges { cursor } } }`, `{"n": 2147483648}`},
		"-2^31-1 for Int, written out":            {"admin", `{ users(first: -2147483649) { edges { cursor } } }`, ``},
		"an enum in small letters":                {"", `mutation ($s: SessionTransport!) { login(input: {identifier: "user1", password: "x", session: $s}) { tokenType } }`, `{"s": "token"}`},
		"an enum as text, written out":            {"admin", `{ users(orderBy: {field: "USERNAME"}) { edges { cursor } } }`, ``},
		"a name for a scalar of text":             {"admin", `{ users(filter: {search: ADMIN}) { edges { cursor } } }`, ``},
		"a number for a role":                     {"admin", `{ users(filter: {role: 1}) { edges { cursor } } }`, ``},
		"a list for a role":                       {"admin", `query ($r: Role) { users(filter: {role: $r}) { edges { cursor } } }`, `{"r": ["ADMIN"]}`},
		"an object for a role":                    {"admin", `{ users(filter: {role: {}}) { edges { cursor } } }`, ``},
		"a huge number for a scalar of ours":      {"", `mutation { signup(input: {username: 99999999999999999999, password: "x"}) { tokenType } }`, ``},
		"a list for a scalar of ours":             {"", `mutation ($p: Password!) { reauthenticate(input: {password: $p}) { tokenType } }`, `{"p": ["x"]}`},
		"__typename in an input":                  {"", `mutation ($i: LoginInput!) { login(input: $i) { tokenType } }`, `{"i": {"identifier": "user1", "password": "x", "__typename": "LoginInput"}}`},
		"a number as an id":                       {"admin", `query ($id: ID!) { user(id: $id) { id } }`, `{"id": 5}`},
		"a variable in a JSON literal":            {"user", `mutation ($t: String) { updateMe(input: {metadata: {a: $t}}) { user { id } } }`, `{"t": "x"}`},
		"a JSON literal that would lose digits":   {"user", `mutation { updateMe(input: {metadata: {a: 9223372036854775808}}) { user { id } } }`, ``},
		"1e400 in a JSON literal":                 {"user", `mutation { updateMe(input: {metadata: {a: [1e400]}}) { user { id } } }`, ``},
		"a default that would lose digits":        {"user", `mutation ($m: JSONObject = {a: 0.1000000000000000055511151231257827}) { updateMe(input: {metadata: $m}) { user { id } } }`, ``},
		"an array as a JSON object":               {"user", `mutation ($m: JSONObject) { updateMe(input: {metadata: $m}) { user { id } } }`, `{"m": []}`},
		"text as a JSON object":                   {"user", `mutation ($m: JSONObject) { updateMe(input: {metadata: $m}) { user { id } } }`, `{"m": "{}"}`},
		"wrong in what is not executed":           {"", `query A { __typename } query B { users(first: {}) { edges { cursor } } }`, ``},
	}
	for database := range storetest.URLs {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			target := newTarget(t, database, false)
			for name, tt := range tests {
				t.Run(name, func(t *testing.T) {
					op := operations.Operation{Query: tt.query}
					if strings.HasPrefix(tt.query, "query A") {
						op.OperationName = "A"
					}
					if tt.variables != "" {
						check(t, json.Unmarshal([]byte(tt.variables), &op.Variables))
					}
					before := target.fingerprint(t)
					status, raw := target.send(t, tt.as, encode(t, op))
					var answer answer
					check(t, json.Unmarshal(raw, &answer))
					if status != 400 || answer.Data != nil || len(answer.Errors) != 1 ||
						answer.Errors[0].Extensions.Code != "GRAPHQL_VALIDATION_FAILED" {
						t.Errorf("answer %d %s\nwant one error, GRAPHQL_VALIDATION_FAILED, and no data", status, raw)
					}
					if target.fingerprint(t) != before {
						t.Error("the database has changed")
					}
					if err := target.leaks(raw); err != nil {
						t.Error(err)
					}
				})
			}
		})
	}
}

// TestFingerprint shows that the tests here would notice a write.
func TestFingerprint(t *testing.T) {
	t.Parallel()
	for database := range storetest.URLs {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			target := newTarget(t, database, false)
			for _, query := range []string{
				`mutation { updateMe(input: {fullName: "Committed"}) { user { id } } }`,
				`mutation { revokeOtherSessions { revokedCount } }`,
				`mutation { login(input: {identifier: "user1", password: "` + goodPassword + `"}) { tokenType } }`,
			} {
				before := target.fingerprint(t)
				_, raw := target.send(t, "user", encode(t, operations.Operation{Query: query}))
				if target.fingerprint(t) == before {
					t.Errorf("%s\nanswers %s, and nothing seems to have changed", query, raw)
				}
			}
			if before := target.fingerprint(t); target.fingerprint(t) != before {
				t.Error("something changes all the time")
			}
		})
	}
}

// TestDefaultsStay shows that what the specification lets a client leave out still has its default.
func TestDefaultsStay(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query, variables string
	}{
		"variable of a position with a default": {`mutation ($s: SessionTransport) { login(input: {identifier: "user1", password: "` + goodPassword + `", session: $s}) { refreshToken } }`, `{}`},
		"variable with a default":               {`query ($b: Boolean = true) { __typename @include(if: $b) }`, `{}`},
		"null for a page":                       {`query ($n: Int = 5) { me { sessions(first: $n) { edges { cursor } } } }`, `{"n": null}`},
	}
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		server := newServerWith(t, s, graph.New, unlimited(settings), false)
		for name, tt := range tests {
			query := strings.ReplaceAll(tt.query, "user1", "Ada")
			body, err := json.Marshal(map[string]any{"query": query, "variables": json.RawMessage(tt.variables)})
			check(t, err)
			status, answer := server.post(t, "ada", string(body))
			if status != 200 || answer["errors"] != nil {
				t.Errorf("%s: answer %d %v", name, status, answer["errors"])
			}
		}
	})
}

// TestAccessBeforeArguments requests every guarded field that has arguments as every caller that its rule
// refuses. If the arguments match the schema, even if the domain would reject them, the error is that of
// the rule. If they do not, the request is rejected in the same way for every caller, before any rule.
func TestAccessBeforeArguments(t *testing.T) {
	t.Parallel()
	schema, err := graph.AccessSchema(false)
	check(t, err)
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		m := &matrix{schema: schema}
		m.server = newServerWith(t, s, graph.NewWatched(m.around, m.admitted), unlimited(settings), false)
		fields := 0
		for _, place := range schema.Access() {
			typeName, name, argument := parseCoordinate(place.Coordinate)
			def := schema.Types[typeName]
			if place.Public || argument != "" || def.Kind == ast.InputObject || len(def.Fields.ForName(name).Arguments) == 0 {
				continue
			}
			fields++
			for _, p := range people {
				m.argue(t, place, p, m.server.ada.User.ID)
				if place.OrOwner {
					m.argue(t, place, p, m.server.root.ID)
				}
			}
		}
		if fields < 10 {
			t.Errorf("%d guarded fields have arguments, which is fewer than there used to be", fields)
		}
	})
}

// argue asks for a guarded field of a type that somebody owns, as a person, with good and bad arguments.
func (m *matrix) argue(t *testing.T, place directive.Entry, p person, owner uuid.UUID) {
	t.Helper()
	typeName, _, _ := parseCoordinate(place.Coordinate)
	def := m.schema.Types[typeName]
	ways := nested[typeName]
	switch def {
	case m.schema.Query:
		ways = []way{{query: `{ %s }`}}
	case m.schema.Mutation:
		ways = []way{{query: `mutation { %s }`}}
	}
	code, reason := m.expect(place, p, owner)
	want := strings.TrimSpace(code + " " + reason)
	if want == "" {
		return
	}
	for _, way := range ways {
		if way.serve != nil {
			m.serve = way.serve(owner)
		}
		m.argueBy(t, way, place, p, want)
		m.serve = nil
	}
	if m.ran.Load() != 0 {
		t.Errorf("%s as %q: a resolver ran", place.Coordinate, p.name)
	}
}

// argueBy asks with good and bad arguments on one way to the field.
func (m *matrix) argueBy(t *testing.T, way way, place directive.Entry, p person, want string) {
	t.Helper()
	f := m.field(place)
	for _, text := range []string{"", "x", strings.Repeat("long ", 100), "\x00"} {
		var arguments []string
		for _, a := range f.Arguments {
			arguments = append(arguments, a.Name+": "+m.strange(a.Type, text))
		}
		query := fmt.Sprintf(way.query, m.write(f, arguments))
		if got := m.code(t, p.name, query); got != want {
			t.Errorf("%s as %q: %s\nanswers %q, want %q", place.Coordinate, p.name, query, got, want)
		}
	}
	for _, wrong := range f.Arguments {
		var arguments []string
		for _, a := range f.Arguments {
			if a == wrong {
				arguments = append(arguments, a.Name+": "+m.wrong(a.Type))
			} else if a.Type.NonNull {
				arguments = append(arguments, a.Name+": "+m.strange(a.Type, "x"))
			}
		}
		query := fmt.Sprintf(way.query, m.write(f, arguments))
		if got := m.code(t, p.name, query); got != "GRAPHQL_VALIDATION_FAILED" {
			t.Errorf("%s as %q: %s\nanswers %q, want GRAPHQL_VALIDATION_FAILED", place.Coordinate, p.name, query, got)
		}
	}
}

// field returns the field of a place.
func (m *matrix) field(place directive.Entry) *ast.FieldDefinition {
	typeName, name, _ := parseCoordinate(place.Coordinate)
	return m.schema.Types[typeName].Fields.ForName(name)
}

// code returns the code that the errors of an answer have, with the reason.
func (m *matrix) code(t *testing.T, as, query string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query})
	check(t, err)
	_, answer := m.server.post(t, as, string(body))
	errs, _ := answer["errors"].([]any)
	var codes []string
	for _, e := range errs {
		extensions := e.(map[string]any)["extensions"].(map[string]any)
		reason, _ := extensions["reason"].(string)
		codes = append(codes, strings.TrimSpace(fmt.Sprint(extensions["code"], " ", reason)))
	}
	return strings.Join(slices.Compact(codes), ", ")
}

// wrong writes a literal that does not fit a type, in a way that gqlparser does not see by itself where
// there is one.
func (m *matrix) wrong(typ *ast.Type) string {
	def := m.schema.Types[typ.Name()]
	switch {
	case def.Kind == ast.InputObject:
		var fields []string
		for _, f := range givenFields(def) {
			fields = append(fields, f.Name+": "+m.wrong(f.Type))
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case def.Kind == ast.Enum || typ.Name() == "Boolean" || typ.Name() == "Int":
		return "{}"
	}
	return "5"
}

// strange writes a literal that fits a type of the schema, and that the domain may not like.
func (m *matrix) strange(typ *ast.Type, text string) string {
	def := m.schema.Types[typ.Name()]
	quoted, _ := json.Marshal(text)
	switch {
	case def.Kind == ast.InputObject:
		var fields []string
		for _, f := range givenFields(def) {
			if m.schema.Types[f.Type.Name()].Kind != ast.Enum { // the only guarded input field is an enum
				fields = append(fields, f.Name+": "+m.strange(f.Type, text))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case typ.Name() == "Boolean":
		return "true"
	case typ.Name() == "Int":
		return "-2147483648"
	case typ.Name() == "JSONObject":
		return "{text: " + string(quoted) + "}"
	case typ.Name() == "DateTime":
		return `"0001-01-01T00:00:00Z"`
	}
	return string(quoted)
}
