package directive

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
)

const usable = limitLanguage + `
type Query { me: Note @public find: Thing @public things: [Thing] @public ship: Ship @public named: Named @public plain: Plain @public }
type Plain { x: Int }
interface Named { name: String self: Named }
type Ship implements Named { name: String @rateLimit(name: "ship", max: 9, per: "1m") self: Named crew: Named }
type Sea implements Named { name: String @rateLimit(name: "sea", max: 9, per: "1m") self: Named }
type Land implements Named { name: String self: Named }
union Thing = Ship | Land
type Mutation {
  free: Int @public
  send(identifier: String, to: EmailAddress, name: Username): Int @public @rateLimit(max: 5, per: "1h", by: [ACCOUNT, RECIPIENT])
  login(in: In, flag: Boolean): Ship @public @rateLimit(max: 5, per: "1h") @rateLimit(name: "g", max: 5, per: "1h", exceeded: CHALLENGE, by: ACCOUNT)
}
input In { email: EmailAddress username: Username deviceToken: String solution: ChallengeSolution list: [EmailAddress] }
`

func TestUses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		query, variables string
		want             string // path, coordinate and what the arguments say of each use
	}{
		"query":            {query: `{ me { text } plain { x } }`},
		"free":             {query: `mutation { free }`},
		"plain":            {query: `mutation { send }`, want: "send Mutation.send"},
		"alias":            {query: `mutation { a: send b: send free send }`, want: "a Mutation.send; b Mutation.send; send Mutation.send"},
		"merged":           {query: `mutation { send send ...F ... { send } } fragment F on Mutation { send }`, want: "send Mutation.send"},
		"fragment":         {query: `mutation { ...F } fragment F on Mutation { ...G } fragment G on Mutation { x: send }`, want: "x Mutation.send"},
		"inline fragment":  {query: `mutation { ... { ... on Mutation { send } } }`, want: "send Mutation.send"},
		"skip":             {query: `mutation { send @skip(if: true) free }`},
		"include":          {query: `mutation { send @include(if: false) ... @include(if: false) { send } ...F @skip(if: true) } fragment F on Mutation { send }`},
		"skip, variable":   {query: `mutation ($s: Boolean!) { send @skip(if: $s) }`, variables: `{"s": false}`, want: "send Mutation.send"},
		"skip, default":    {query: `mutation ($s: Boolean! = true) { send @skip(if: $s) }`},
		"skip and include": {query: `mutation { a: send @skip(if: true) @include(if: true) b: send @skip(if: false) @include(if: false) }`},
		"skipped, merged":  {query: `mutation { send @skip(if: true) send }`, want: "send Mutation.send"},

		"identifier":          {query: `mutation { send(identifier: "ada") }`, want: "send Mutation.send account=ada recipient=ada"},
		"identifier first":    {query: `mutation { send(to: "a@b", identifier: "ada") }`, want: "send Mutation.send account=ada recipient=ada"},
		"empty identifier":    {query: `mutation { send(to: "a@b", identifier: "") }`, want: "send Mutation.send account=a@b recipient=a@b"},
		"null identifier":     {query: `mutation { send(to: "a@b", identifier: null) }`, want: "send Mutation.send account=a@b recipient=a@b"},
		"user name":           {query: `mutation { send(name: "ada") }`, want: "send Mutation.send account=ada"},
		"variable":            {query: `mutation ($i: String) { send(identifier: $i) }`, variables: `{"i": "ada"}`, want: "send Mutation.send account=ada recipient=ada"},
		"no variable":         {query: `mutation ($i: String) { send(identifier: $i) }`, want: "send Mutation.send"},
		"null variable":       {query: `mutation ($i: String) { send(identifier: $i) }`, variables: `{"i": null}`, want: "send Mutation.send"},
		"number":              {query: `mutation { send(name: 7) }`, want: "send Mutation.send"},
		"list of a scalar":    {query: `mutation ($n: Username) { send(name: $n) }`, variables: `{"n": ["ada"]}`, want: "send Mutation.send"},
		"object":              {query: `mutation { login(in: {username: "ada", email: "a@b", deviceToken: "d", solution: "s"}) { __typename } }`, want: "login Mutation.login account=a@b recipient=a@b device=d solution=s"},
		"object, variable":    {query: `mutation ($in: In) { login(in: $in) { __typename } }`, variables: `{"in": {"username": "ada", "deviceToken": null}}`, want: "login Mutation.login account=ada"},
		"object, null":        {query: `mutation ($in: In) { login(in: $in) { __typename } }`, variables: `{"in": null}`, want: "login Mutation.login"},
		"object, literal":     {query: `mutation { login(in: null) { __typename } }`, want: "login Mutation.login"},
		"object, inner":       {query: `mutation ($u: Username) { login(in: {username: $u}) { __typename } }`, variables: `{"u": "ada"}`, want: "login Mutation.login account=ada"},
		"object, other value": {query: `mutation { login(in: {list: ["a@b"]}, flag: true) { __typename } }`, want: "login Mutation.login"},

		"nested":               {query: `{ ship { name n: name } }`, want: "ship.name Ship.name; ship.n Ship.name"},
		"nested, alias":        {query: `{ a: ship { name } b: ship { crew { self { name } } } }`, want: "a.name Ship.name; b.crew.self.name Ship.name; b.crew.self.name Sea.name"},
		"nested in a mutation": {query: `mutation { login { name } }`, want: "login Mutation.login; login.name Ship.name"},
		"interface":            {query: `{ named { name } }`, want: "named.name Ship.name; named.name Sea.name"},
		"interface, narrowed":  {query: `{ named { ... on Sea { name } } }`, want: "named.name Sea.name"},
		"interface, none":      {query: `{ named { ... on Land { name } __typename } }`},
		"interface in object":  {query: `{ ship { ... on Named { name } } }`, want: "ship.name Ship.name"},
		"union":                {query: `{ find { ... on Named { name } } }`, want: "find.name Ship.name"},
		"union, both":          {query: `{ find { ... on Ship { name } ... on Land { name } } }`, want: "find.name Ship.name"},
		"list":                 {query: `{ things { ...F } } fragment F on Named { name }`, want: "things.name Ship.name"},
		"skipped parent":       {query: `{ ship @skip(if: true) { name } }`},
	}
	s, err := New(load(t, usable), guardedTypes, false)
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, usesOf(s.Uses(operation(t, s, tt.query, tt.variables)))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func usesOf(uses []Use) string {
	lines := make([]string, len(uses))
	for i, u := range uses {
		lines[i] = strings.Join(u.Path, ".") + " " + u.Use.Field
		for _, v := range []struct{ name, value string }{
			{"account", u.Account}, {"recipient", u.Recipient}, {"device", u.DeviceToken}, {"solution", u.Solution},
		} {
			if v.value != "" {
				lines[i] += fmt.Sprintf(" %s=%s", v.name, v.value)
			}
		}
	}
	return strings.Join(lines, "; ")
}

func TestUsesWhenOff(t *testing.T) {
	t.Parallel()
	s, err := New(load(t, usable), guardedTypes, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Override(map[string]Override{"send": {}, "g": {}}); err != nil {
		t.Fatal(err)
	}
	if got := usesOf(s.Uses(operation(t, s, `mutation { send login { __typename } }`, ""))); got != "login Mutation.login" {
		t.Error(got)
	}
}

func TestUseAt(t *testing.T) {
	t.Parallel()
	u := &Use{Path: []string{"a", "b"}}
	name, index := func(s string) ast.PathName { return ast.PathName(s) }, func(i int) ast.PathIndex { return ast.PathIndex(i) }
	for _, tt := range []struct {
		path ast.Path
		want bool
	}{
		{nil, false},
		{ast.Path{name("a")}, false},
		{ast.Path{name("a"), name("b")}, true},
		{ast.Path{name("a"), index(3), name("b"), index(0)}, true},
		{ast.Path{name("a"), name("c")}, false},
		{ast.Path{name("a"), name("b"), name("c")}, false},
	} {
		if got := u.At(tt.path); got != tt.want {
			t.Errorf("%v: %t", tt.path, got)
		}
	}
}

// BenchmarkUses is what every operation costs, and what one with a limited field costs.
func BenchmarkUses(b *testing.B) {
	s, err := New(load(b, usable), guardedTypes, false)
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Override(map[string]Override{"ship": {}, "sea": {}}); err != nil {
		b.Fatal(err)
	}
	for name, query := range map[string]string{
		"query":    `{ plain { x } }`,
		"mutation": `mutation { free }`,
		"limited":  `mutation { login(in: {email: "ada@example.com"}) { __typename } }`,
	} {
		b.Run(name, func(b *testing.B) {
			op := operation(b, s, query, "")
			b.ReportAllocs()
			for b.Loop() {
				s.Uses(op)
			}
		})
	}
}
