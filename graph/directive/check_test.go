package directive

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

const language = `
directive @auth(
  requires: [Role!]! = [USER], permissions: [String!]! = [], orOwner: Boolean! = false, check: AuthCheck! = SESSION, maxAge: Int,
  assurance: RequiredAssurance, verified: Boolean
) on FIELD_DEFINITION | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION
directive @public on FIELD_DEFINITION
scalar Role
enum AuthCheck { SESSION TOKEN }
enum RequiredAssurance { AAL2 HIGHEST }
`

// note is a Go type whose objects belong to somebody.
type note struct{ owner uuid.UUID }

func (n *note) OwnerID() uuid.UUID { return n.owner }

var guardedTypes = map[string]any{"Note": (*note)(nil)}

func load(t testing.TB, sdl string) *ast.Schema {
	t.Helper()
	schema, err := gqlparser.LoadSchema(&ast.Source{Name: "test", Input: sdl})
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestNew(t *testing.T) {
	t.Parallel()
	const note = `type Note { text: String @auth(requires: ADMIN, orOwner: true) }`
	tests := map[string]struct {
		sdl  string
		want []string // each is part of the error; none means no error
	}{
		"guarded":         {sdl: language + note + `type Query { a: Int @auth b: Int @public }`},
		"single role":     {sdl: language + note + `type Query { a: Int @auth(requires: ADMIN) }`},
		"nested is free":  {sdl: language + note + `type Query { a: T @auth } type T { x: Int y: Int }`},
		"nested is mixed": {sdl: language + note + `type Query { a: T @auth } type T { x: Int @public y: Int @auth(requires: ADMIN) }`},
		"nested, forgotten": {
			sdl: language + note + `type Query { a: T @auth } type T { x: Int y: Int @auth(requires: ADMIN) }`, want: []string{"T.x must have either @auth or @public, and has 0"},
		},
		"unknown check":     {sdl: language + note + `type Query { a: Int @auth(check: token) }`, want: []string{"Query.a has check token"}},
		"text for a check":  {sdl: language + note + `type Query { a: Int @auth(check: "TOKENS") }`, want: []string{"Query.a has check TOKENS"}},
		"permission alone":  {sdl: language + `type Query { a: Note @auth } type Note { x: Int @auth(requires: [], permissions: ["audit:read"], orOwner: true) }`, want: []string{"Note.x requires no role"}},
		"max age too large": {sdl: language + note + `type Query { a: Int @auth(maxAge: 9223372037) }`, want: []string{"Query.a has maxAge"}},
		"max age in parts":  {sdl: language + note + `type Query { a: Int @auth(maxAge: 1.5) }`, want: []string{"Query.a has maxAge 1.5"}},
		"default of an argument": {
			sdl:  language + note + `type Query { a(x: In = {y: 1}): Int @public } input In { y: Int @auth }`,
			want: []string{"Query.a(x:) has a default that supplies"},
		},
		"default of an input field": {
			sdl:  language + note + `type Query { a(x: Out): Int @public } input Out { in: [In!] = {y: 1} } input In { y: Int @auth }`,
			want: []string{"Out.in has a default that supplies"},
		},
		"harmless default": {sdl: language + note + `type Query { a(x: In = {z: 1}): Int @public } input In { y: Int @auth z: Int }`},
		"neither":          {sdl: language + note + `type Query { a: Int @auth b: Int }`, want: []string{"Query.b"}},
		"both":             {sdl: language + note + `type Query { a: Int @auth @public }`, want: []string{"Query.a"}},
		"mutation":         {sdl: language + note + `type Query { a: Int @auth } type Mutation { m: Int }`, want: []string{"Mutation.m"}},
		"subscription":     {sdl: language + note + `type Query { a: Int @auth } type Subscription { s: Int }`, want: []string{"Subscription.s"}},
		"renamed root":     {sdl: language + note + `schema { query: Root } type Root { a: Int }`, want: []string{"Root.a"}},
		"extended root":    {sdl: language + note + `type Query { a: Int @auth } extend type Query { b: Int }`, want: []string{"Query.b"}},
		"every one named":  {sdl: language + note + `type Query { a: Int b: Int }`, want: []string{"Query.a", "Query.b"}},
		"no role":          {sdl: language + note + `type Query { a: Int @auth(requires: []) }`, want: []string{"Query.a requires no role"}},
		"on an interface field": {
			sdl:  language + note + `type Query { a: Int @auth } interface I { x: Int @auth } type T implements I { x: Int }`,
			want: []string{"I.x"},
		},
		"declared for objects": {
			sdl:  strings.Replace(language, "@public on FIELD_DEFINITION", "@public on FIELD_DEFINITION | OBJECT", 1) + note + `type Query @public { a: Int @auth }`,
			want: []string{"directive @public", "Query has @public, which has no effect"},
		},
		"not declared for arguments": {
			sdl:  strings.Replace(language, "| ARGUMENT_DEFINITION", "", 1) + note + `type Query { a: Int @auth }`,
			want: []string{"directive @auth"},
		},
		"not declared": {sdl: `type Query { a: Int } type Note { a: Int }`, want: []string{"@auth is not declared", "@public is not declared", "Query.a"}},

		"guarded type":         {sdl: language + `type Query { a: Note @auth } type Note { x: Int @public y: Int }`, want: []string{"Note.y"}},
		"guarded type missing": {sdl: language + `type Query { a: Int @auth }`, want: []string{"guarded type Note"}},
		"guarded type of another kind": {
			sdl: language + `type Query { a: Int @auth } input Note { x: Int }`, want: []string{"guarded type Note"},
		},
		"leads back": {
			sdl:  language + note + `type Query { a: Int @auth query: Query @auth }`,
			want: []string{"Query.query has @auth, which gqlgen ignores"},
		},

		"owner alone":         {sdl: language + `type Query { a: Note @auth } type Note { x: Int @auth(requires: [], orOwner: true) }`},
		"owner or permission": {sdl: language + `type Query { a: Note @auth } type Note { x: Int @auth(permissions: ["audit:read"], orOwner: true) }`},
		"owner or everybody": {
			sdl:  language + `type Query { a: Note @auth } type Note { x: Int @auth(orOwner: true) }`,
			want: []string{"Note.x has orOwner and requires USER"},
		},
		"owner of a root": {
			sdl:  language + note + `type Query { a: Int @auth(requires: ADMIN, orOwner: true) }`,
			want: []string{"Query.a has orOwner, but the owner"},
		},
		"owner of what has none": {
			sdl:  language + note + `type Query { a: T @auth } type T { x: Int @auth(requires: ADMIN, orOwner: true) }`,
			want: []string{"T.x has orOwner, but the owner"},
		},

		"verified":         {sdl: language + note + `type Query { a: Int @auth(verified: true) b: Int @auth(verified: false) c: Int @auth(verified: null) }`},
		"verified as text": {sdl: language + note + `type Query { a: Int @auth(verified: "true") }`, want: []string{"Query.a has verified true"}},
		"verified as 1":    {sdl: language + note + `type Query { a: Int @auth(verified: 1) }`, want: []string{"Query.a has verified 1"}},
		"verified and public": {
			sdl: language + note + `type Query { a: Int @public @auth(verified: true) }`, want: []string{"Query.a must have either"},
		},
		"verified, for nobody": {sdl: language + note + `type Query { a: Int @auth(requires: [], verified: true) }`, want: []string{"Query.a requires no role"}},

		"assurance":            {sdl: language + note + `type Query { a: Int @auth(assurance: AAL2) b: Int @auth(assurance: HIGHEST) c: Int @auth(assurance: null) d: Int @auth(assurance: AAL2, check: TOKEN) }`},
		"assurance unknown":    {sdl: language + note + `type Query { a: Int @auth(assurance: AAL3) }`, want: []string{"Query.a has assurance AAL3"}},
		"assurance in a token": {sdl: language + note + `type Query { a: Int @auth(assurance: HIGHEST, check: TOKEN) }`, want: []string{"Query.a has assurance HIGHEST"}},
		"permission":           {sdl: language + note + `type Query { a: Int @auth(permissions: ["audit:read"]) }`},
		"other permission":     {sdl: language + note + `type Query { a: Int @auth(permissions: ["audit:read", "fly"]) }`},
		"no permission":        {sdl: language + note + `type Query { a: Int @auth(permissions: ["audit:read", "Fly"]) }`, want: []string{`Query.a requires "Fly"`}},
		"max age":              {sdl: language + note + `type Query { a: Int @auth(maxAge: 60) }`},
		"max age 0":            {sdl: language + note + `type Query { a: Int @auth(maxAge: 0) }`, want: []string{"Query.a has maxAge 0"}},
		"max age negative":     {sdl: language + note + `type Query { a: Int @auth(maxAge: -1) }`, want: []string{"Query.a has maxAge -1"}},
		"other role":           {sdl: language + note + `type Query { a: Int @auth(requires: PILOT_2) }`},
		"role as a string":     {sdl: language + note + `type Query { a: Int @auth(requires: "ADMIN") }`},
		"no role name":         {sdl: language + note + `type Query { a: Int @auth(requires: pilot) }`, want: []string{`Query.a requires "pilot"`}},

		"argument":           {sdl: language + note + `type Query { a(x: Int @auth(requires: ADMIN)): Int @public }`},
		"nested argument":    {sdl: language + `type Query { a: Note @public } type Note { x(y: Int @auth): Int @public }`},
		"needed argument":    {sdl: language + note + `type Query { a(x: Int! @auth): Int @public }`, want: []string{"Query.a(x:)"}},
		"argument, default":  {sdl: language + note + `type Query { a(x: Int = 1 @auth): Int @public }`, want: []string{"Query.a(x:)"}},
		"argument, no role":  {sdl: language + note + `type Query { a(x: Int @auth(requires: [])): Int @public }`, want: []string{"Query.a(x:)"}},
		"argument, owner":    {sdl: language + note + `type Query { a(x: Int @auth(requires: ADMIN, orOwner: true)): Int @public }`, want: []string{"Query.a(x:)"}},
		"input field":        {sdl: language + note + `type Query { a(x: In): Int @public } input In { y: Int @auth }`},
		"needed input field": {sdl: language + note + `type Query { a(x: In): Int @public } input In { y: Int! @auth }`, want: []string{"In.y"}},
		"input field, default": {
			sdl: language + note + `type Query { a(x: In): Int @public } input In { y: Int = 1 @auth }`, want: []string{"In.y"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(load(t, tt.sdl), guardedTypes, false)
			if len(tt.want) == 0 {
				if err != nil {
					t.Fatalf("New: %v, want no error", err)
				}
				return
			}
			if err == nil {
				t.Fatalf("New accepted it, want an error about %q", tt.want)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("New: %v, want it to say %q", err, want)
				}
			}
		})
	}
}
