package auth_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

// tooManyRoles are more roles than a user may have.
var tooManyRoles = func() (roles []auth.Role) {
	for n := range auth.MaxRolesOfUser {
		roles = append(roles, auth.Role(fmt.Sprint("R", n)))
	}
	return roles // and USER
}()

func createRole(t *testing.T, f *fixture, name auth.Role, permissions ...auth.Permission) {
	t.Helper()
	if err := f.operatorService.CreateRole(t.Context(), name, nil, permissions); err != nil {
		t.Fatal(err)
	}
}

// roles returns all roles, as "ADMIN[audit:read]".
func (f *fixture) roles(t *testing.T) (lines []string) {
	t.Helper()
	roles, err := f.Store.Roles(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range roles {
		if r.Name == auth.RoleAdmin { // a schema may require more
			r.Permissions = slices.DeleteFunc(r.Permissions, func(p auth.Permission) bool { return p != auth.PermissionReadAudit })
		}
		lines = append(lines, fmt.Sprint(r.Name, r.Permissions))
	}
	return lines
}

func TestRoles(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		as := func() context.Context { return f.As(t, root.AccessToken) }
		f.NewEvents(t)
		made, err := f.adminService.CreateRole(as(), admin.CreateRoleInput{
			Name: "EDITOR", Description: new(" Edits orders\t"), Permissions: []auth.Permission{"orders:write", "orders:read", "orders:read"},
		})
		if err != nil {
			t.Fatal(err)
		}
		want := &auth.RoleDefinition{
			Name: "EDITOR", Description: new("Edits orders"), Permissions: []auth.Permission{"orders:read", "orders:write"},
			CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now(),
		}
		equal := func(what string, got *auth.RoleDefinition) {
			t.Helper()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", what, diff)
			}
			roles, err := f.adminService.Roles(as())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(*want, roles[2]); diff != "" {
				t.Errorf("Roles after %s (-want +got):\n%s", what, diff)
			}
		}
		equal("CreateRole", made.Role)
		f.WantEvents(t, "ROLE_CREATED by root in a session to [EDITOR] with [orders:read orders:write]")

		for _, tt := range []struct {
			in     admin.UpdateRoleInput
			change func() // to want; nil means none
			events []string
		}{
			{admin.UpdateRoleInput{}, nil, nil},
			{admin.UpdateRoleInput{Description: new("Edits orders "), Permissions: []auth.Permission{"orders:write", "orders:read"}}, nil, nil},
			{
				admin.UpdateRoleInput{Description: new("")},
				func() { want.Description = nil },
				[]string{"ROLE_UPDATED by root in a session to [EDITOR] with [orders:read orders:write]"},
			},
			{admin.UpdateRoleInput{Description: new(" ")}, nil, nil},
			{
				admin.UpdateRoleInput{Permissions: []auth.Permission{}},
				func() { want.Permissions = []auth.Permission{} },
				[]string{"ROLE_UPDATED by root in a session to [EDITOR] with []"},
			},
			{
				admin.UpdateRoleInput{Description: new("New"), Permissions: []auth.Permission{"b", "a"}},
				func() { want.Description, want.Permissions = new("New"), []auth.Permission{"a", "b"} },
				[]string{"ROLE_UPDATED by root in a session to [EDITOR] with [a b]"},
			},
		} {
			f.Clock.Advance(time.Second)
			if tt.change != nil {
				tt.change()
				want.UpdatedAt = f.Clock.Now()
			}
			tt.in.Name = "EDITOR"
			updated, err := f.UpdateRole(as(), tt.in)
			if err != nil {
				t.Fatal(err)
			}
			equal("UpdateRole", updated.Role)
			f.WantEvents(t, tt.events...)
		}

		ada := f.signup(t, "ada")
		for _, id := range []uuid.UUID{ada.User.ID, root.User.ID} {
			if err := f.GrantRole(t.Context(), "EDITOR", nil, []uuid.UUID{id}); err != nil {
				t.Fatal(err)
			}
		}
		f.NewEvents(t)
		ctx := as()
		if _, err := f.adminService.DeleteRole(ctx, admin.DeleteRoleInput{Name: "EDITOR"}); err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t, "ROLE_DELETED by root in a session to [EDITOR]")
		if me, err := f.Me(ctx); err != nil || !slices.Equal(me.Roles, auth.Roles) {
			t.Errorf("the rest of the request sees %v, %v", me, err)
		}
		if me, err := f.Me(f.As(t, ada.AccessToken)); err != nil || !slices.Equal(me.Roles, []auth.Role{auth.RoleUser}) {
			t.Errorf("the next request of a user sees %v, %v", me, err)
		}
		if diff := cmp.Diff([]string{"USER[]", "ADMIN[audit:read]"}, f.roles(t)); diff != "" {
			t.Errorf("roles (-want +got):\n%s", diff)
		}
	})
}

func TestRolesBadInput(t *testing.T) {
	t.Parallel()
	var manyPermissions []auth.Permission
	for n := range auth.MaxPermissions + 1 {
		manyPermissions = append(manyPermissions, auth.Permission(fmt.Sprint("p", n)))
	}
	create := func(in admin.CreateRoleInput) func(ctx context.Context, f *fixture) error {
		return func(ctx context.Context, f *fixture) error { _, err := f.adminService.CreateRole(ctx, in); return err }
	}
	update := func(in admin.UpdateRoleInput) func(ctx context.Context, f *fixture) error {
		return func(ctx context.Context, f *fixture) error { _, err := f.UpdateRole(ctx, in); return err }
	}
	remove := func(name auth.Role) func(ctx context.Context, f *fixture) error {
		return func(ctx context.Context, f *fixture) error {
			_, err := f.adminService.DeleteRole(ctx, admin.DeleteRoleInput{Name: name})
			return err
		}
	}
	tests := map[string]struct {
		do   func(ctx context.Context, f *fixture) error
		want string
	}{
		"no name":        {create(admin.CreateRoleInput{}), "name=INVALID_FORMAT"},
		"lower case":     {create(admin.CreateRoleInput{Name: "editor"}), "name=INVALID_FORMAT"},
		"NUL":            {create(admin.CreateRoleInput{Name: "A\x00"}), "name=INVALID_FORMAT"},
		"taken":          {create(admin.CreateRoleInput{Name: "EDITOR"}), "name=TAKEN"},
		"built in":       {create(admin.CreateRoleInput{Name: "ADMIN"}), "name=TAKEN"},
		"description":    {create(admin.CreateRoleInput{Name: "A", Description: new(strings.Repeat("x", 201))}), "description=TOO_LONG"},
		"two lines":      {create(admin.CreateRoleInput{Name: "A", Description: new("\a")}), "description=INVALID_FORMAT"},
		"permission":     {create(admin.CreateRoleInput{Name: "A", Permissions: []auth.Permission{"a", "Orders"}}), "permissions=INVALID_FORMAT"},
		"no permission":  {create(admin.CreateRoleInput{Name: "A", Permissions: []auth.Permission{""}}), "permissions=INVALID_FORMAT"},
		"permissions":    {create(admin.CreateRoleInput{Name: "A", Permissions: manyPermissions}), "permissions=TOO_MANY"},
		"all at once":    {create(admin.CreateRoleInput{Name: "a", Permissions: []auth.Permission{"A"}, Description: new("\a")}), "description=INVALID_FORMAT permissions=INVALID_FORMAT name=INVALID_FORMAT"},
		"update of none": {update(admin.UpdateRoleInput{Name: "NONE", Permissions: []auth.Permission{}}), "name=NOT_FOUND"},
		"update of NUL":  {update(admin.UpdateRoleInput{Name: "\x00"}), "name=NOT_FOUND"},
		"update":         {update(admin.UpdateRoleInput{Name: "EDITOR", Permissions: manyPermissions}), "permissions=TOO_MANY"},
		"delete of none": {remove("NONE"), "name=NOT_FOUND"},
		"delete of NUL":  {remove("\x00"), "name=NOT_FOUND"},
		"delete USER":    {remove("USER"), "name=IN_USE"},
		"delete ADMIN":   {remove("ADMIN"), "name=IN_USE"},
		"revoke USER": {func(_ context.Context, f *fixture) error {
			return f.RevokeRole(context.Background(), "USER", nil, []uuid.UUID{{1}})
		}, "name=IN_USE"},
		"grant none": {func(_ context.Context, f *fixture) error {
			return f.GrantRole(context.Background(), "NONE", []auth.Permission{"a"}, nil)
		}, "name=NOT_FOUND"},
		"grant too many": {func(_ context.Context, f *fixture) error {
			return f.GrantRole(context.Background(), "EDITOR", manyPermissions, nil)
		}, "permissions=TOO_MANY"},
		"create a user with none": {func(ctx context.Context, f *fixture) error {
			_, err := f.CreateUser(ctx, accounts.Input{Username: new("eve"), Password: authtest.Password}, []auth.Role{"NONE"})
			return err
		}, "roles=NOT_FOUND"},
		"filter": {func(ctx context.Context, f *fixture) error {
			_, err := f.adminService.Users(ctx, &admin.UserFilter{Role: new(auth.Role("\x00"))}, nil)
			return err
		}, "role=INVALID_FORMAT"},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		createRole(t, f, "EDITOR", "orders:read")
		before := f.state(t)
		f.NewEvents(t)
		for name, tt := range tests {
			if got := authtest.Code(tt.do(f.As(t, root.AccessToken), f)); got != "BAD_USER_INPUT "+tt.want {
				t.Errorf("%s: %s, want %s", name, got, tt.want)
			}
		}
		if diff := cmp.Diff(before, f.state(t)); diff != "" {
			t.Errorf("state (-before +after):\n%s", diff)
		}
		f.WantEvents(t)
	})
}

// TestRolesLimit creates roles until the server has as many as it may, from many clients at once.
func TestRolesLimit(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		for n := range auth.MaxRoles - len(f.roles(t)) - 3 { // so that three more fit
			createRole(t, f, auth.Role(fmt.Sprint("R", n)))
		}
		codes := race(8, func(i int) error {
			_, err := f.adminService.CreateRole(f.As(t, root.AccessToken), admin.CreateRoleInput{Name: auth.Role(fmt.Sprint("LAST", i))})
			return err
		})
		if diff := cmp.Diff(map[string]int{"": 3, "BAD_USER_INPUT name=TOO_MANY": 5}, codes); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// race calls f n times at once and counts the codes of its errors.
func race(n int, f func(i int) error) map[string]int {
	codes := map[string]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			code := authtest.Code(f(i))
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	wg.Wait()
	return codes
}

// TestRolesRace creates, changes, grants and deletes one role, all at once. No user keeps a role that does not exist.
func TestRolesRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		as := f.As(t, root.AccessToken)
		if _, err := f.Me(as); err != nil {
			t.Fatal(err)
		}
		const name auth.Role = "EDITOR"
		ada := f.signup(t, "ada")
		for round := range 10 {
			if codes := race(4, func(int) error {
				_, err := f.adminService.CreateRole(f.As(t, root.AccessToken), admin.CreateRoleInput{Name: name})
				return err
			}); codes[""] != 1 || codes["BAD_USER_INPUT name=TAKEN"] != 3 {
				t.Fatalf("round %d: roles were created: %v", round, codes)
			}
			codes := race(8, func(i int) (err error) {
				ctx := f.As(t, root.AccessToken)
				switch i % 4 {
				case 0:
					_, err = f.adminService.DeleteRole(ctx, admin.DeleteRoleInput{Name: name})
				case 1:
					_, err = f.UpdateUser(ctx, admin.UpdateUserInput{UserID: ada.User.ID, Roles: []auth.Role{name}})
				case 2:
					_, err = f.UpdateRole(ctx, admin.UpdateRoleInput{Name: name, Permissions: []auth.Permission{auth.Permission(fmt.Sprint("p", i))}})
				case 3:
					username := fmt.Sprint("u", round, "-", i)
					_, err = f.CreateUser(ctx, accounts.Input{Username: &username, Password: authtest.Password}, []auth.Role{name})
				}
				return err
			})
			for code := range codes {
				if code != "" && code != "BAD_USER_INPUT name=NOT_FOUND" && code != "BAD_USER_INPUT roles=NOT_FOUND" {
					t.Errorf("round %d: %v", round, codes)
				}
			}
			if codes[""] == 0 {
				t.Errorf("round %d: nobody deleted the role: %v", round, codes)
			}
			for _, u := range f.AllUsers(t) {
				if slices.Contains(u.Roles, name) {
					t.Errorf("round %d: %s has a role that does not exist: %v", round, *u.Username, u.Roles)
				}
			}
		}
	})
}
