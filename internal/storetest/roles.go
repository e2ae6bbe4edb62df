package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/auth"
)

// manyRoles are as many roles as a user may have, with the longest names.
var manyRoles = func() (roles []auth.Role) {
	for n := range auth.MaxRolesOfUser {
		roles = append(roles, auth.Role(fmt.Sprintf("R%02d%s", n, strings.Repeat("_", 60))))
	}
	return roles
}()

// newRole returns a role with a value in every field.
func newRole(name auth.Role) *auth.RoleDefinition {
	return &auth.RoleDefinition{
		Name:        name,
		Description: new("What " + string(name) + " is for; '--"),
		Permissions: []auth.Permission{"a", "orders:read", "orders_2:read-all"},
		CreatedAt:   epoch.Add(1 * time.Microsecond),
		UpdatedAt:   epoch.Add(2 * time.Microsecond),
	}
}

func createRole(t *testing.T, s auth.Store, r *auth.RoleDefinition) {
	t.Helper()
	if err := s.CreateRole(t.Context(), r); err != nil {
		t.Fatalf("CreateRole: %v", err)
	}
}

// rolesOf returns all roles but the built-in ones.
func rolesOf(t *testing.T, s auth.Store) []auth.RoleDefinition {
	t.Helper()
	all, err := s.Roles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 2 || all[0].Name != auth.RoleUser || all[1].Name != auth.RoleAdmin {
		t.Fatalf("the roles do not begin with the built-in ones: %+v", all)
	}
	return all[2:]
}

func rolesBuiltIn(t *testing.T, s auth.Store) {
	all, err := s.Roles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range all {
		if all[i].Description == nil || all[i].CreatedAt.IsZero() || !all[i].UpdatedAt.Equal(all[i].CreatedAt) {
			t.Errorf("%s has no description, or a wrong time: %+v", all[i].Name, all[i])
		}
		all[i] = auth.RoleDefinition{Name: all[i].Name, Permissions: all[i].Permissions}
	}
	equal(t, "the first role", all[0], auth.RoleDefinition{Name: auth.RoleUser, Permissions: []auth.Permission{}})
	if admin := all[1]; admin.Name != auth.RoleAdmin || !slices.Contains(admin.Permissions, auth.PermissionReadAudit) {
		t.Errorf("the second role is %+v", admin)
	}
}

func roleEveryColumn(t *testing.T, s auth.Store) {
	full, empty := newRole("EDITOR_2"), &auth.RoleDefinition{Name: "ACTOR", Permissions: []auth.Permission{}, CreatedAt: epoch, UpdatedAt: epoch}
	complete(t, "role", full)
	wide := newRole(manyRoles[0])
	wide.Permissions = nil
	for n := range auth.MaxPermissions {
		wide.Permissions = append(wide.Permissions, auth.Permission(fmt.Sprintf("p%02d%s", n, strings.Repeat(":x", 48))))
	}
	for _, r := range []*auth.RoleDefinition{full, empty, wide} {
		createRole(t, s, r)
	}
	equal(t, "roles", rolesOf(t, s), []auth.RoleDefinition{*empty, *full, *wide})
	event := newEvent(1)
	event.Permissions = wide.Permissions
	addEvent(t, s, event) // the longest list fits
}

func roleRefused(t *testing.T, s auth.Store) {
	createRole(t, s, newRole("EDITOR"))
	before := rolesOf(t, s)
	for what, spoil := range map[string]func(r *auth.RoleDefinition){
		"the same name":          func(r *auth.RoleDefinition) { r.Name = "EDITOR" },
		"the name of a built-in": func(r *auth.RoleDefinition) { r.Name = auth.RoleAdmin },
		"no name":                func(r *auth.RoleDefinition) { r.Name = "" },
		"a lower-case name":      func(r *auth.RoleDefinition) { r.Name = "editor" },
		"a space in the name":    func(r *auth.RoleDefinition) { r.Name = "A B" },
		"a long name":            func(r *auth.RoleDefinition) { r.Name = auth.Role(strings.Repeat("A", 64)) },
		"a long description":     func(r *auth.RoleDefinition) { r.Description = new(strings.Repeat("a", 2000)) },
		"an empty permission":    func(r *auth.RoleDefinition) { r.Permissions = []auth.Permission{"a", ""} },
		"a wrong permission":     func(r *auth.RoleDefinition) { r.Permissions = []auth.Permission{"a", "a b"} },
		"a permission twice":     func(r *auth.RoleDefinition) { r.Permissions = []auth.Permission{"a", "a"} },
		"a long permission": func(r *auth.RoleDefinition) {
			r.Permissions = []auth.Permission{auth.Permission(strings.Repeat("a", 101))}
		},
	} {
		r := newRole("OTHER")
		spoil(r)
		if err := s.CreateRole(t.Context(), r); err == nil {
			t.Errorf("a role with %s was created", what)
		}
		equal(t, "roles after one with "+what, rolesOf(t, s), before)
	}
}

func roleUpdate(t *testing.T, s auth.Store) {
	other := newRole("OTHER")
	createRole(t, s, newRole("EDITOR"))
	createRole(t, s, other)
	for _, change := range []func(r *auth.RoleDefinition){
		func(r *auth.RoleDefinition) { r.Description, r.Permissions = nil, []auth.Permission{} },
		func(r *auth.RoleDefinition) { r.Description, r.Permissions = new("New"), []auth.Permission{"b", "c"} },
		func(r *auth.RoleDefinition) { r.Permissions = []auth.Permission{"a", "c"} },
	} {
		want := rolesOf(t, s)[0]
		change(&want)
		want.UpdatedAt = want.UpdatedAt.Add(time.Second)
		update := want
		update.CreatedAt = epoch.Add(time.Hour) // it never changes
		if err := s.UpdateRole(t.Context(), &update); err != nil {
			t.Fatal(err)
		}
		equal(t, "roles", rolesOf(t, s), []auth.RoleDefinition{want, *other})
	}
	before := rolesOf(t, s)
	spoiled := newRole("EDITOR")
	spoiled.Permissions = []auth.Permission{"z", ""}
	if err := s.UpdateRole(t.Context(), spoiled); err == nil {
		t.Error("an empty permission was stored")
	}
	wantError(t, "UpdateRole of none", s.UpdateRole(t.Context(), newRole("NONE")), auth.ErrNotFound)
	equal(t, "roles", rolesOf(t, s), before)
}

func roleDelete(t *testing.T, s auth.Store) {
	createRole(t, s, newRole("EDITOR"))
	createRole(t, s, newRole("EDITOR_2")) // "_" and the common prefix must not matter
	now := epoch.Add(time.Hour)
	var want []auth.User
	for n, roles := range [][]auth.Role{
		{"USER"}, {"USER", "EDITOR"}, {"USER", "EDITOR_2"}, {"EDITOR"}, {"USER", "ADMIN", "EDITOR", "EDITOR_2"}, nil,
	} {
		a := newAccount(n)
		a.Roles = roles
		create(t, s, a)
		if slices.Contains(roles, "EDITOR") {
			a.UpdatedAt = now
			a.Roles = nil
			for _, r := range roles {
				if r != "EDITOR" {
					a.Roles = append(a.Roles, r)
				}
			}
		}
		want = append(want, a.User)
	}
	if err := s.DeleteRole(t.Context(), "EDITOR", now); err != nil {
		t.Fatal(err)
	}
	equal(t, "users", allUsers(t, s), want)
	equal(t, "roles", rolesOf(t, s), []auth.RoleDefinition{*newRole("EDITOR_2")})
	granted, err := s.PermissionsOf(t.Context(), []auth.Role{"EDITOR"})
	if err != nil || len(granted) > 0 {
		t.Errorf("PermissionsOf a deleted role: %v, %v", granted, err)
	}
	wantError(t, "DeleteRole once more", s.DeleteRole(t.Context(), "EDITOR", now), auth.ErrNotFound)
	createRole(t, s, newRole("EDITOR")) // The name is free.
}

func permissionsOf(t *testing.T, s auth.Store) {
	one, two := newRole("ONE"), newRole("TWO")
	one.Permissions, two.Permissions = []auth.Permission{"c", "a"}, []auth.Permission{"b", "c"}
	createRole(t, s, one)
	createRole(t, s, two)
	all, err := s.Roles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		of   []auth.Role
		want []auth.Permission
	}{
		{nil, nil},
		{[]auth.Role{"NONE"}, nil},
		{[]auth.Role{auth.RoleUser}, nil},
		{[]auth.Role{auth.RoleUser, auth.RoleAdmin}, all[1].Permissions},
		{[]auth.Role{"ONE"}, []auth.Permission{"a", "c"}},
		{[]auth.Role{"ONE", "NONE", "TWO"}, []auth.Permission{"a", "b", "c"}},
		{manyRoles, nil},
	} {
		got, err := s.PermissionsOf(t.Context(), c.of)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, fmt.Sprintf("permissions of %v", c.of), got, c.want)
	}
}
