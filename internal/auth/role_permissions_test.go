package auth_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
)

// TestRequired checks that no change takes away what the schema requires, unless it is missing already.
func TestRequired(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		createRole(t, f, "EDITOR", "orders:read")
		createRole(t, f, "READER", "orders:read")
		createRole(t, f, "CLERK", "orders:write")
		p := f.newParts(t, domain.Options{Required: auth.Requirements{
			{Coordinate: "Query.orders", Role: "EDITOR"},
			{Coordinate: "Query.orders", Permission: "orders:read"},
			{Coordinate: "Mutation.order", Permission: "orders:write"},
			{Coordinate: "Query.pilots", Role: "PILOT"},
			{Coordinate: "Query.pilots", Permission: "fly"},
			{Coordinate: "Query.auditEvents", Permission: "audit:read"},
		}})
		ctx := t.Context()
		as := func() context.Context { return f.As(t, root.AccessToken) }
		for _, step := range []struct {
			name string
			err  error
			want string
		}{
			{"delete a required role", p.operatorService.DeleteRole(ctx, "EDITOR"), "name=IN_USE"},
			{"delete the only role with a permission", p.operatorService.DeleteRole(ctx, "CLERK"), "name=IN_USE"},
			{"revoke the only grant", p.RevokeRole(ctx, "CLERK", []auth.Permission{"orders:write"}, nil), "permissions=IN_USE"},
			{"revoke a built-in grant", p.RevokeRole(ctx, "ADMIN", readAudit, nil), "permissions=IN_USE"},
			{"replace the only grant", second(p.UpdateRole(as(), admin.UpdateRoleInput{Name: "CLERK", Permissions: []auth.Permission{"a"}})), "permissions=IN_USE"},
			{"delete by an administrator", second(p.adminService.DeleteRole(as(), admin.DeleteRoleInput{Name: "CLERK"})), "name=IN_USE"},
			{"revoke one of two grants", p.RevokeRole(ctx, "EDITOR", []auth.Permission{"orders:read"}, nil), ""},
			{"revoke the other", p.RevokeRole(ctx, "READER", []auth.Permission{"orders:read"}, nil), "permissions=IN_USE"},
			{"grant it elsewhere", p.GrantRole(ctx, "USER", []auth.Permission{"orders:read"}, nil), ""},
			{"delete what is not needed", p.operatorService.DeleteRole(ctx, "READER"), ""},
		} {
			want := step.want
			if want != "" {
				want = "BAD_USER_INPUT " + want
			}
			if got := authtest.Code(step.err); got != want {
				t.Errorf("%s: %q, want %q", step.name, got, want)
			}
		}
		want := []string{"USER[orders:read]", "ADMIN[audit:read]", "CLERK[orders:write]", "EDITOR[]"}
		if diff := cmp.Diff(want, f.roles(t)); diff != "" {
			t.Errorf("roles (-want +got):\n%s", diff)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestRequiredRace revokes a required permission from all roles that have it, at once. One role keeps it.
func TestRequiredRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		const n = 8
		for i := range n {
			createRole(t, f, auth.Role(fmt.Sprint("R", i)), "orders:read")
		}
		p := f.newParts(t, domain.Options{Required: auth.Requirements{{Coordinate: "Query.orders", Permission: "orders:read"}}})
		codes := race(n, func(i int) error {
			name := auth.Role(fmt.Sprint("R", i))
			if i%2 == 0 {
				return p.operatorService.DeleteRole(t.Context(), name)
			}
			return p.RevokeRole(t.Context(), name, []auth.Permission{"orders:read"}, nil)
		})
		if codes[""] != n-1 {
			t.Errorf("%v, want all but one to succeed", codes)
		}
		left := 0
		for _, line := range f.roles(t) {
			left += strings.Count(line, "orders:read")
		}
		if left != 1 {
			t.Errorf("%d roles have the permission, want 1", left)
		}
	})
}

// TestLivePermissions takes permissions from roles of a signed-in user. Guards that check the session refuse the next
// request. Guards that check the token refuse once this process has read the permissions again.
func TestLivePermissions(t *testing.T) {
	t.Parallel()
	needs := func(check auth.Check) *auth.Rule {
		return &auth.Rule{Requires: []auth.Role{auth.RoleUser}, Permissions: []auth.Permission{"orders:read"}, Check: check}
	}
	live, byToken := needs(auth.CheckSession), needs(auth.CheckToken)
	eachDatabase(t, func(t *testing.T, f *fixture) {
		createRole(t, f, "EDITOR", "orders:read")
		if _, err := f.CreateUser(t.Context(), accounts.Input{Username: new("ada"), Password: authtest.Password}, []auth.Role{"EDITOR"}); err != nil {
			t.Fatal(err)
		}
		ada := f.login(t, "ada")
		replica := f.newParts(t, domain.Options{})
		check := func(what string, wantLive, wantToken string) {
			t.Helper()
			for name, p := range map[string]parts{"this replica": f.parts, "another": replica} {
				if got := authtest.Code(p.Authorize(f.As(t, ada.AccessToken), live, nil)); got != wantLive {
					t.Errorf("%s, %s: %q, want %q", what, name, got, wantLive)
				}
				if got := authtest.Code(p.Authorize(f.As(t, ada.AccessToken), byToken, nil)); got != wantToken {
					t.Errorf("%s, %s, by token: %q, want %q", what, name, got, wantToken)
				}
			}
		}
		refresh := func() {
			t.Helper()
			for _, p := range []parts{f.parts, replica} {
				if err := p.RefreshPermissions(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		check("before the first refresh", "", "FORBIDDEN")
		refresh()
		check("granted", "", "")
		if err := f.RevokeRole(t.Context(), "EDITOR", []auth.Permission{"orders:read"}, nil); err != nil {
			t.Fatal(err)
		}
		check("revoked", "FORBIDDEN", "")
		refresh()
		check("revoked and refreshed", "FORBIDDEN", "FORBIDDEN")
		if err := f.GrantRole(t.Context(), "USER", []auth.Permission{"orders:read"}, nil); err != nil {
			t.Fatal(err)
		}
		check("granted to USER", "", "FORBIDDEN")
		refresh()
		check("granted to USER and refreshed", "", "")
	})
}

// TestPermissionsStatements counts what permissions cost: one look-up for the whole request, and none where no guard
// requires one or the guards check only the token. If it fails, all guards that need it refuse.
func TestPermissionsStatements(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		if err := f.RefreshPermissions(t.Context()); err != nil {
			t.Fatal(err)
		}
		rules := map[string]*auth.Rule{
			"audit":          {Requires: []auth.Role{"USER"}, Permissions: readAudit, Check: auth.CheckSession},
			"other":          {Requires: []auth.Role{"ADMIN"}, Permissions: readAudit, Check: auth.CheckSession},
			"token":          {Requires: []auth.Role{"USER"}, Permissions: readAudit, Check: auth.CheckToken},
			"user":           forUser,
			"role not there": {Requires: []auth.Role{"PILOT"}, Permissions: readAudit, Check: auth.CheckSession},
		}
		count := func(names ...string) int {
			before := f.Store.Calls("PermissionsOf")
			ctx := f.As(t, root.AccessToken)
			for _, name := range names {
				_ = f.Authorize(ctx, rules[name], nil)
			}
			return f.Store.Calls("PermissionsOf") - before
		}
		if got := count("user", "token", "role not there"); got != 0 {
			t.Errorf("%d look-ups of permissions, want none", got)
		}
		if got := count(append(slices.Sorted(maps.Keys(rules)), "audit", "other")...); got != 1 {
			t.Errorf("%d look-ups of permissions, want 1", got)
		}
		f.Store.Before("PermissionsOf", func(context.Context) error { return auth.ErrUnavailable })
		ctx := f.As(t, root.AccessToken)
		for _, name := range []string{"audit", "other", "audit"} {
			if err := f.Authorize(ctx, rules[name], nil); err == nil || !strings.Contains(err.Error(), auth.ErrUnavailable.Error()) {
				t.Errorf("%s without the database: %v, want it unavailable", name, err)
			}
		}
		if err := f.Authorize(ctx, forUser, nil); err != nil {
			t.Errorf("a guard without permissions: %v", err)
		}
	})
}

func TestGrantRole(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		createRole(t, f, "EDITOR")
		ada, bob := f.signup(t, "ada"), f.signup(t, "bob")
		root := f.admin(t, "root")
		both := []uuid.UUID{ada.User.ID, bob.User.ID}
		f.NewEvents(t)
		if err := f.GrantRole(t.Context(), "EDITOR", []auth.Permission{"b", "a"}, both); err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t,
			"ROLE_UPDATED by the operator to [EDITOR] with [a b]",
			"USER_ROLES_CHANGED by the operator of ada to [USER EDITOR]", "USER_ROLES_CHANGED by the operator of bob to [USER EDITOR]")
		if err := f.GrantRole(t.Context(), "EDITOR", []auth.Permission{"b"}, both[:1]); err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t) // Nothing has changed.
		before := f.state(t)
		if err := f.GrantRole(t.Context(), "EDITOR", []auth.Permission{"c"}, []uuid.UUID{ada.User.ID, uuid.New()}); err == nil {
			t.Error("a role was granted to nobody")
		}
		if got := authtest.Code(f.RevokeRole(t.Context(), "ADMIN", readAudit, []uuid.UUID{root.User.ID})); got != "BAD_USER_INPUT roles=LAST_ADMIN" {
			t.Errorf("revoke ADMIN from the last one: %q", got)
		}
		if diff := cmp.Diff(before, f.state(t)); diff != "" {
			t.Errorf("a refused change was made in part (-before +after):\n%s", diff)
		}
		f.WantEvents(t)
		if err := f.RevokeRole(t.Context(), "EDITOR", []auth.Permission{"a", "c"}, both[1:]); err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t, "ROLE_UPDATED by the operator to [EDITOR] with [b]", "USER_ROLES_CHANGED by the operator of bob to [USER]")
	})
}

// TestRolesAreLogged checks that the server's log says which role an administrator has changed, or given to a user.
func TestRolesAreLogged(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		f.Log.Take()
		if _, err := f.adminService.CreateRole(f.As(t, root.AccessToken), admin.CreateRoleInput{Name: "EDITOR"}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.UpdateUser(f.As(t, root.AccessToken), admin.UpdateUserInput{UserID: ada.User.ID, Roles: []auth.Role{"EDITOR"}}); err != nil {
			t.Fatal(err)
		}
		if _, err := f.adminService.DeleteRole(f.As(t, root.AccessToken), admin.DeleteRoleInput{Name: "EDITOR"}); err != nil {
			t.Fatal(err)
		}
		log := f.Log.Take()
		for event, roles := range map[string]string{"ROLE_CREATED": "[EDITOR]", "USER_ROLES_CHANGED": `"[USER EDITOR]"`, "ROLE_DELETED": "[EDITOR]"} {
			if !regexp.MustCompile(`event=` + event + `.* roles=` + regexp.QuoteMeta(roles) + `\n`).MatchString(log) {
				t.Errorf("no %s of %s in the log:\n%s", event, roles, log)
			}
		}
	})
}
