package auth_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth"
)

// The forms of names, as the documentation gives them.
var (
	roleForm       = regexp.MustCompile(`^[A-Z][A-Z0-9_]{0,62}$`)
	permissionForm = regexp.MustCompile(`^[a-z][a-z0-9_-]*(:[a-z][a-z0-9_-]*)*$`)
)

func FuzzRole(f *testing.F) {
	for _, s := range []string{
		"", "USER", "ADMIN", "A", "A1_", "_A", "1A", "user", "User", "A B", "A\n", "A-B", "Ä", "A\x00",
		strings.Repeat("A", 63), strings.Repeat("A", 64),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := auth.Role(s).Valid(), roleForm.MatchString(s); got != want {
			t.Errorf("Role(%q).Valid() is %v, want %v", s, got, want)
		}
	})
}

func FuzzPermission(f *testing.F) {
	for _, s := range []string{
		"", "orders:read", "a", "a:b:c", ":", "a:", ":a", "a::b", "A:b", "a b", "a1_-:b", "1a", "-a", "a:-b", "a\n", "ä",
		strings.Repeat("a", 100), strings.Repeat("a", 101),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := auth.Permission(s).Valid(), len(s) <= 100 && permissionForm.MatchString(s); got != want {
			t.Errorf("Permission(%q).Valid() is %v, want %v", s, got, want)
		}
	})
}

func TestSortRoles(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want []auth.Role }{
		{nil, nil},
		{[]auth.Role{"ADMIN", "USER"}, auth.Roles},
		{[]auth.Role{"B", "ADMIN", "A", "USER", "B", "ADMIN"}, []auth.Role{"USER", "ADMIN", "A", "B"}},
	} {
		in := slices.Clone(tt.in)
		if diff := cmp.Diff(tt.want, auth.SortRoles(in)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tt.in, diff)
		}
		if !slices.Equal(in, tt.in) {
			t.Errorf("the argument %v has become %v", tt.in, in)
		}
	}
}

func TestUnmet(t *testing.T) {
	t.Parallel()
	roles := []auth.RoleDefinition{{Name: "USER"}, {Name: "EDITOR", Permissions: []auth.Permission{"a:b"}}}
	required := auth.Requirements{
		{Coordinate: "Query.a", Role: "USER"},
		{Coordinate: "Query.a", Permission: "a:b"},
		{Coordinate: "Query.b", Role: "PILOT"},
		{Coordinate: "Query.b", Permission: "fly"},
		{Coordinate: "Query.c", Role: "PILOT"},
		{Coordinate: "Query.c", Permission: "fly"},
	}
	if diff := cmp.Diff(required[2:4], required.Unmet(roles)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if unmet := required[:2].Unmet(roles); unmet != nil {
		t.Errorf("all are met, and these are not: %v", unmet)
	}
}
