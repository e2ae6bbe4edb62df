package directive

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"usher/internal/auth"
)

const house = language + `
type Query {
  me: Note @auth
  secret: Hidden @auth(requires: ADMIN)
  both(plain: Kind, guarded: OnlyHere @auth(requires: ADMIN), emptied: Emptied, filter: Filter): Named @public
  required(input: Emptied!): Int @public
  reachesNothing: Wrapper @public
}
type Mutation { remove: Int @auth(requires: ADMIN) }
type Note {
  "What it says."
  text: String @auth(requires: ADMIN, orOwner: true, maxAge: 90)
  audit: Boolean @auth(permissions: ["audit:read"])
}
type Hidden { other: AlsoHidden }
type AlsoHidden implements Named { name: String }
type Wrapper { only: Int @auth(requires: ADMIN, check: TOKEN) }
interface Named { name: String }
type Person implements Named { name: String }
union Thing = Hidden | Person
enum Kind { A }
enum OnlyHere { B }
input Emptied { field: Int @auth(requires: ADMIN) }
input Filter { free: Int guarded: Int @auth(requires: [USER, ADMIN]) }
`

func TestVisible(t *testing.T) {
	t.Parallel()
	s, err := New(load(t, house), map[string]any{"Note": (*note)(nil)}, false)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		roles []auth.Role
		want  []string
	}{
		"user": {
			roles: []auth.Role{auth.RoleUser},
			want: []string{
				"AlsoHidden.name", // a possible type of Named
				"Filter.free", "Filter.guarded: Access, if a value is supplied: Signed-in users.",
				"Named.name",
				"Note.text: What it says. Access: Role ADMIN, or the owner; identity confirmed in the last 90 seconds.",
				"Person.name",
				"Query.both(plain:)(filter:)", "Query.me: Access: Signed-in users.",
			},
		},
		"admin": {
			roles: []auth.Role{auth.RoleUser, auth.RoleAdmin},
			want: []string{
				"AlsoHidden.name",
				"Emptied.field: Access, if a value is supplied: Role ADMIN.",
				"Filter.free", "Filter.guarded: Access, if a value is supplied: Signed-in users.",
				"Hidden.other",
				"Mutation.remove: Access: Role ADMIN.",
				"Named.name",
				"Note.audit: Access: Signed-in users with permission audit:read.",
				"Note.text: What it says. Access: Role ADMIN, or the owner; identity confirmed in the last 90 seconds.",
				"Person.name",
				"Query.both(plain:)(guarded: Access, if a value is supplied: Role ADMIN.)(emptied:)(filter:)",
				"Query.me: Access: Signed-in users.",
				"Query.reachesNothing", "Query.required(input:)", "Query.secret: Access: Role ADMIN.",
				"Wrapper.only: Access: Role ADMIN; checks the access token only.",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tt.want, places(s.View(tt.roles, permissionsOf(tt.roles)).Visible())); diff != "" {
				t.Errorf("visible (-want +got):\n%s", diff)
			}
		})
	}
	if f := s.Query.Fields.ForName("me"); f.Description != "" {
		t.Errorf("the whole schema has changed: Query.me is described as %q", f.Description)
	}
}

// permissionsOf returns the permissions of a user with the roles, where ADMIN has one.
func permissionsOf(roles []auth.Role) (granted []auth.Permission) {
	if slices.Contains(roles, auth.RoleAdmin) {
		granted = append(granted, auth.PermissionReadAudit)
	}
	return granted
}

// TestViewKey checks that Views have one key exactly if they show the same.
func TestViewKey(t *testing.T) {
	t.Parallel()
	s, err := New(load(t, house), map[string]any{"Note": (*note)(nil)}, false)
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string][]string{}
	for _, roles := range [][]auth.Role{nil, {"USER"}, {"ADMIN"}, {"USER", "ADMIN"}, {"USER", "EDITOR"}, {"EDITOR"}} {
		for _, permissions := range [][]auth.Permission{nil, {"audit:read"}, {"fly"}, {"audit:read", "fly"}} {
			v := s.View(roles, permissions)
			now := places(v.Visible())
			if before, ok := shown[v.Key()]; ok {
				if diff := cmp.Diff(before, now); diff != "" {
					t.Errorf("%v with %v shares a key (-other +this):\n%s", roles, permissions, diff)
				}
			}
			shown[v.Key()] = now
		}
	}
	if len(shown) != 6 { // USER, ADMIN, both or neither; audit:read matters to those with USER
		t.Errorf("there are %d keys, want 6", len(shown))
	}
}

// places lists the fields of a schema, after it has been checked for loose ends.
func places(schema *ast.Schema) (list []string) {
	known := func(where, name string) {
		if schema.Types[name] == nil {
			list = append(list, where+" leads to "+name+", which is not there")
		}
	}
	words := func(description string) string {
		return strings.TrimRight(": "+strings.Join(strings.Fields(description), " "), ": ")
	}
	for name, def := range schema.Types {
		for _, possible := range schema.GetPossibleTypes(def) {
			known(name, possible.Name)
		}
		for _, i := range schema.GetImplements(def) {
			known(name, i.Name)
		}
		if def.BuiltIn {
			continue
		}
		for _, f := range def.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			place := name + "." + f.Name
			known(place, f.Type.Name())
			for _, a := range f.Arguments {
				known(place, a.Type.Name())
				place += "(" + a.Name + ":" + strings.TrimPrefix(words(a.Description), ":") + ")"
			}
			list = append(list, place+words(f.Description))
		}
	}
	slices.Sort(list)
	return list
}

func TestVisibleMutation(t *testing.T) {
	t.Parallel()
	s, err := New(load(t, house), map[string]any{"Note": (*note)(nil)}, false)
	if err != nil {
		t.Fatal(err)
	}
	user, admin := s.View([]auth.Role{auth.RoleUser}, nil), s.View(auth.Roles, nil)
	if user.Visible().Mutation != nil {
		t.Error("a user sees a Mutation without fields")
	}
	if admin.Visible().Mutation == nil {
		t.Error("an administrator does not see Mutation")
	}
}

// TestVisibleTypes checks which types without visible fields are shown.
func TestVisibleTypes(t *testing.T) {
	t.Parallel()
	const sdl = language + `
type Query { nodes: [Node] @auth union: Union @auth owned: Owned @auth secrets: Secret @auth(requires: ADMIN) only: OnlyHere @auth(requires: ADMIN) }
interface Node { id: ID }
type Owned implements Node { id: ID }
type Secret implements Node { id: ID kind: SecretKind }
union Union = Secret | Owned
enum SecretKind { A }
enum OnlyHere { B }
enum Unused { C }
scalar UnusedScalar
input UnusedInput { x: Int }
`
	s, err := New(load(t, sdl), nil, false)
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		roles    []auth.Role
		withheld []string
		want     []string
		possible []string // types of Node
	}{
		"user, with the secret withheld": {
			[]auth.Role{auth.RoleUser},
			[]string{"Secret"},
			[]string{"Node", "Owned", "Query", "Union", "Unused", "UnusedScalar"},
			[]string{"Owned"},
		},
		"user": {
			[]auth.Role{auth.RoleUser},
			nil,
			[]string{"Node", "Owned", "Query", "Secret", "SecretKind", "Union", "Unused", "UnusedScalar"},
			[]string{"Owned", "Secret"},
		},
		"what a visible field returns cannot be withheld": {
			auth.Roles,
			[]string{"Secret"},
			[]string{"Node", "OnlyHere", "Owned", "Query", "Secret", "SecretKind", "Union", "Unused", "UnusedScalar"},
			[]string{"Owned", "Secret"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			visible := s.View(tt.roles, nil).Visible(tt.withheld...)
			var got, possible []string
			for name, def := range visible.Types {
				if !def.BuiltIn && name != "Role" && name != "AuthCheck" && name != "RequiredAssurance" {
					got = append(got, name)
				}
			}
			for _, def := range visible.PossibleTypes["Node"] {
				possible = append(possible, def.Name)
			}
			slices.Sort(got)
			slices.Sort(possible)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("types (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.possible, possible); diff != "" {
				t.Errorf("possible types of Node (-want +got):\n%s", diff)
			}
		})
	}
}
