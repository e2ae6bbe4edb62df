package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/graph"
	"usher/graph/connection"
	"usher/graph/directive"
	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestAccessMatrix requests every field, argument and input field with @auth as every kind of caller. It
// checks the code of each error, and that no resolver runs for a refused caller. It reads the table that
// `usher schema access` prints, so it tests new entries without a change, and fails for a guarded field
// that it cannot reach. It does so on a server that does not require verified e-mail addresses, and on one that does: as
// users that have one, and as users that have none. And it does so on one that requires second factors of all users.
func TestAccessMatrix(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		required, verified   bool
		factor               bool // that a second factor is required, without time to set it up
		cases, minUnverified int  // at least
	}{
		"not required":             {cases: 1900},
		"required, and unverified": {required: true, cases: 500, minUnverified: 80},
		"required, and verified":   {required: true, verified: true, cases: 500},
		"second factor required":   {factor: true, cases: 500},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema, err := graph.AccessSchema(tt.required)
			check(t, err)
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				m := &matrix{schema: schema, oneWay: tt.required || tt.factor, verified: tt.verified, factor: tt.factor}
				settings := settings
				settings.RequireVerifiedEmail = tt.required
				if tt.factor {
					settings.RequireSecondFactor = "all"
				}
				m.server = newServerWith(t, s, graph.NewWatched(m.around, m.admitted), unlimited(settings), tt.verified)
				for _, place := range schema.Access() {
					if !place.Public {
						m.test(t, place)
					}
				}
				if m.cases < tt.cases || m.unverified < tt.minUnverified || tt.minUnverified == 0 && m.unverified > 0 {
					t.Errorf("%d cases, %d of them refused as unverified, which is not as it used to be", m.cases, m.unverified)
				}
				t.Logf("%d cases, %d of them refused as unverified", m.cases, m.unverified)
			})
		})
	}
}

// person is a kind of caller, with what @auth can know about it.
type person struct {
	name string
	// reason is why the access token makes them anonymous, and liveReason why the session does.
	reason, liveReason auth.Reason
	// roles are those they have, and tokenRoles those in the access token.
	roles, tokenRoles []auth.Role
	// age is how long ago they signed in.
	age time.Duration
	// factor says that they have set up a second factor, and twice that they have signed in with it.
	factor, twice bool
}

var people = []person{
	{name: "", reason: auth.ReasonNoToken},
	{name: "garbage", reason: auth.ReasonTokenInvalid},
	{name: "expired", reason: auth.ReasonTokenExpired},
	{name: "ended", liveReason: auth.ReasonSessionEnded, tokenRoles: []auth.Role{auth.RoleUser}},
	{name: "eve", liveReason: auth.ReasonAccountDisabled, tokenRoles: []auth.Role{auth.RoleUser}},
	{name: "nobody"},
	{name: "ada", roles: []auth.Role{auth.RoleUser}, tokenRoles: []auth.Role{auth.RoleUser}},
	{name: "demoted", roles: []auth.Role{auth.RoleUser}, tokenRoles: auth.Roles},
	{name: "stale", roles: auth.Roles, tokenRoles: auth.Roles, age: 2*time.Hour + 16*time.Minute},
	{name: "root", roles: auth.Roles, tokenRoles: auth.Roles},
	{name: "tess", roles: []auth.Role{auth.RoleUser}, tokenRoles: []auth.Role{auth.RoleUser}, factor: true},
	{name: "tess, twice", roles: []auth.Role{auth.RoleUser}, tokenRoles: []auth.Role{auth.RoleUser}, factor: true, twice: true},
}

// way is a way of a test to the fields of a type other than the root ones: the query around the field, and what the
// fields on the way answer, without their rules.
type way struct {
	query string
	serve func(owner uuid.UUID) map[string]any
}

// nested has every kind of way to each type. gqlgen runs the guards of an object's fields, and has run others only on
// some ways.
var nested = map[string][]way{
	"User": append(throughNode("User", userOf), way{
		`{ me { %s } }`,
		func(owner uuid.UUID) map[string]any { return map[string]any{"Query.me": userOf(owner)} },
	}),
	"Session": append(throughNode("Session", sessionOf), way{
		`{ me { sessions { edges { node { %s } } } } }`,
		func(owner uuid.UUID) map[string]any {
			return map[string]any{
				"Query.me": userOf(owner),
				"User.sessions": &connection.SessionConnection{
					Edges: []connection.SessionEdge{{Cursor: "c", Node: sessionOf(owner).(*auth.Session)}},
				},
			}
		},
	}),
}

func userOf(owner uuid.UUID) any { return &auth.User{ID: owner} }

func sessionOf(owner uuid.UUID) any { return &auth.Session{ID: uuid.UUID{1}, UserID: owner} }

// throughNode returns ways through the interface Node.
func throughNode(typeName string, object func(owner uuid.UUID) any) (ways []way) {
	for _, query := range []string{
		`{ node(id: "x") { ... on TYPE { %s } } }`,
		`{ alias: node(id: "x") { ... on Node { ... on TYPE { alias: %s } } } }`,
		`query { node(id: "x") { ...OnNode } } fragment OnNode on Node { ...OnType } fragment OnType on TYPE { %s }`,
		`{ ... on Query { node(id: "x") { ... { ...OnType } } } } fragment OnType on TYPE { ... on Node { ... on TYPE { %s } } }`,
	} {
		ways = append(ways, way{strings.ReplaceAll(query, "TYPE", typeName), func(owner uuid.UUID) map[string]any {
			return map[string]any{"Query.node": object(owner)}
		}})
	}
	return ways
}

type matrix struct {
	schema *directive.Schema
	server *server
	serve  map[string]any // what fields on the way answer
	ran    atomic.Int64   // how many fields @auth has allowed

	oneWay            bool // whether one way to each type is enough
	verified          bool // whether everybody's e-mail address is verified
	factor            bool // whether everybody must have a second factor
	cases, unverified int  // the latter are refused for that reason
}

// around answers for the fields on the way.
func (m *matrix) around(ctx context.Context, next graphql.Resolver) (any, error) {
	f := graphql.GetFieldContext(ctx)
	if v, ok := m.serve[f.Object+"."+f.Field.Name]; ok {
		return v, nil
	}
	return next(ctx)
}

var errAdmitted = errors.New("admitted")

// admitted stands in for the resolvers, so that an admitted request changes nothing.
func (m *matrix) admitted(context.Context) (any, error) {
	m.ran.Add(1)
	return nil, errAdmitted
}

// test asks for one place as everybody.
func (m *matrix) test(t *testing.T, place directive.Entry) {
	typeName, field, argument := parseCoordinate(place.Coordinate)
	def := m.schema.Types[typeName]
	switch {
	case def.Kind == ast.InputObject:
		for _, query := range m.queriesWith(t, def, field) {
			m.ask(t, place, query, uuid.Nil)
		}
	case def == m.schema.Query || def == m.schema.Mutation:
		f := def.Fields.ForName(field)
		m.ask(t, place, operation(m.schema, def, m.call(f, argument)), uuid.Nil)
	default:
		ways := nested[typeName]
		if ways == nil {
			t.Errorf("%s has @auth, and this test has no query that reaches a %s: add one to nested", place.Coordinate, typeName)
			return
		}
		if m.oneWay {
			ways = ways[:1]
		}
		call := m.call(def.Fields.ForName(field), argument)
		for _, way := range ways {
			for _, owner := range []uuid.UUID{{15: 1}, m.server.ada.User.ID} {
				m.serve = way.serve(owner)
				m.ask(t, place, fmt.Sprintf(way.query, call), owner)
			}
		}
		m.serve = nil
	}
}

// ask sends a query as everybody.
func (m *matrix) ask(t *testing.T, place directive.Entry, query string, owner uuid.UUID) {
	for _, p := range people {
		m.cases++
		want := ""
		for _, a := range m.on(t, place, query) {
			code, reason := m.expect(a, p, owner)
			if want = strings.TrimSpace(code + " " + reason); code != "" {
				break
			}
		}
		if want == "EMAIL_NOT_VERIFIED" {
			m.unverified++
		}
		m.ran.Store(0)
		body, err := json.Marshal(map[string]any{"query": query})
		check(t, err)
		_, answer := m.server.post(t, p.name, string(body))
		got, leaf := verdict(answer)
		if got != want {
			t.Errorf("%s as %q: %s\nanswers %q, want %q", place.Coordinate, p.name, query, got, want)
		}
		if ran := m.ran.Load(); (ran == 0) != (want != "") {
			t.Errorf("%s as %q: %s\n%d resolvers ran, and the answer should be %q", place.Coordinate, p.name, query, ran, want)
		}
		if want != "" && leaf != nil {
			t.Errorf("%s as %q: %s\nanswers %v although it is refused", place.Coordinate, p.name, query, leaf)
		}
	}
}

// on lists the rules that apply to the query: the rule of its root field, and the rule under test.
func (m *matrix) on(t *testing.T, place directive.Entry, query string) (rules []directive.Entry) {
	t.Helper()
	for _, a := range m.schema.Access() {
		_, field, argument := parseCoordinate(a.Coordinate)
		if a.Coordinate == place.Coordinate ||
			!a.Public && argument == "" && strings.HasPrefix(a.Coordinate, "Mutation.") && strings.Contains(query, "{ "+field+"(") {
			rules = append(rules, a)
		}
	}
	return rules
}

// expect says what a rule answers to a person: nothing, or a code, and a reason with some.
func (m *matrix) expect(a directive.Entry, p person, owner uuid.UUID) (code, reason string) {
	roles := p.roles
	if a.Check == auth.CheckToken {
		roles = p.tokenRoles
	} else if p.liveReason != "" {
		p.reason = p.liveReason
	}
	allowed := len(a.Requires) > 0 && slices.ContainsFunc(roles, func(r auth.Role) bool { return slices.Contains(a.Requires, r) })
	if len(a.Permissions) > 0 { // only ADMIN has permissions, see storetest.URLs
		allowed = allowed && slices.Contains(roles, auth.RoleAdmin)
	}
	mine := a.OrOwner && owner == m.server.ada.User.ID && (p.name == "ada" || p.name == "ended")
	switch {
	case p.reason != "":
		return "UNAUTHENTICATED", string(p.reason)
	case !allowed && !mine:
		return "FORBIDDEN", ""
	case a.Verified && !m.verified:
		return "EMAIL_NOT_VERIFIED", ""
	case a.Assurance == auth.RequireAAL2 && !p.factor, m.factor && !p.factor && a.Check != auth.CheckToken && (a.Assurance == "" || !mine && !slices.Contains(a.Requires, auth.RoleUser)):
		return "SECOND_FACTOR_SETUP_REQUIRED", ""
	case (a.Assurance == auth.RequireAAL2 || a.Assurance == auth.RequireHighest) && p.factor && !p.twice:
		return "STEP_UP_REQUIRED", ""
	case a.MaxAge > 0 && p.age > time.Duration(a.MaxAge)*time.Second:
		return "STEP_UP_REQUIRED", ""
	}
	return "", ""
}

// verdict reads an answer: the code of its one error, with the reason, and what its innermost field
// holds. A resolver that ran is no error here.
func verdict(answer map[string]any) (code string, leaf any) {
	errs, _ := answer["errors"].([]any)
	if len(errs) != 1 {
		return fmt.Sprintf("%d errors", len(errs)), nil
	}
	extensions := errs[0].(map[string]any)["extensions"].(map[string]any)
	code, _ = extensions["code"].(string)
	if code == "INTERNAL_SERVER_ERROR" { // errAdmitted
		code = ""
	}
	if reason, ok := extensions["reason"].(string); ok {
		code += " " + reason
	}
	for leaf = answer["data"]; ; {
		switch v := leaf.(type) {
		case map[string]any:
			for _, inner := range v {
				leaf = inner
			}
		case []any:
			leaf = v[0]
		default:
			return code, leaf
		}
	}
}

var coordinateParts = regexp.MustCompile(`^(\w+)\.(\w+)(?:\((\w+):\))?$`)

func parseCoordinate(coordinate string) (typeName, field, argument string) {
	parts := coordinateParts.FindStringSubmatch(coordinate)
	return parts[1], parts[2], parts[3]
}

func operation(schema *directive.Schema, root *ast.Definition, call string) string {
	if root == schema.Mutation {
		return "mutation { " + call + " }"
	}
	return "query { " + call + " }"
}

// call writes a field with the arguments it needs and perhaps one more, and something to select.
func (m *matrix) call(f *ast.FieldDefinition, argument string) string {
	var arguments []string
	for _, a := range f.Arguments {
		if a.Name == argument || a.Type.NonNull && a.DefaultValue == nil {
			arguments = append(arguments, a.Name+": "+m.value(a.Type, nil, nil, ""))
		}
	}
	return m.write(f, arguments)
}

func (m *matrix) write(f *ast.FieldDefinition, arguments []string) string {
	call := f.Name
	if len(arguments) > 0 {
		call += "(" + strings.Join(arguments, ", ") + ")"
	}
	if m.schema.Types[f.Type.Name()].IsLeafType() {
		return call
	}
	return call + " { __typename }"
}

// queriesWith writes operations that supply a field of an input: with a value and with null.
func (m *matrix) queriesWith(t *testing.T, input *ast.Definition, field string) (queries []string) {
	for _, root := range []*ast.Definition{m.schema.Query, m.schema.Mutation} {
		for _, f := range root.Fields {
			for _, a := range f.Arguments {
				if a.Type.Name() != input.Name {
					continue
				}
				inner := input.Fields.ForName(field)
				for _, value := range []string{m.value(inner.Type, nil, nil, ""), "null"} {
					queries = append(queries, operation(m.schema, root,
						m.write(f, []string{a.Name + ": " + m.value(a.Type, input, inner, value)})))
				}
			}
		}
	}
	if queries == nil {
		t.Errorf("%s.%s is guarded, and no argument of a root field is a %s: teach this test the way", input.Name, field, input.Name)
	}
	return queries
}

// value writes a literal of a type. In the input named, the field has the value that is given.
func (m *matrix) value(typ *ast.Type, input *ast.Definition, field *ast.FieldDefinition, given string) string {
	def := m.schema.Types[typ.Name()]
	switch {
	case typ.Elem != nil:
		return "[" + m.value(typ.Elem, input, field, given) + "]"
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case def.Kind == ast.InputObject:
		var fields []string
		for _, f := range def.Fields {
			switch {
			case def == input && f == field:
				fields = append(fields, f.Name+": "+given)
			case f.Type.NonNull && f.DefaultValue == nil, len(givenFields(def)) == 1 && f == givenFields(def)[0] && def != input:
				fields = append(fields, f.Name+": "+m.value(f.Type, nil, nil, ""))
			}
		}
		return "{" + strings.Join(fields, ", ") + "}"
	case typ.Name() == "Boolean":
		return "true"
	case typ.Name() == "Int" || typ.Name() == "Float":
		return "1"
	case typ.Name() == "JSONObject":
		return `{x: "x"}`
	case typ.Name() == "DateTime":
		return `"2026-01-31T12:00:00Z"`
	default:
		return `"x"`
	}
}
