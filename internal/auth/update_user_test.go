package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

func TestUpdateUser(t *testing.T) {
	t.Parallel()
	user, administrator := []auth.Role{auth.RoleUser}, auth.Roles
	renamed := "USER_UPDATED by root of ada in a session"
	tests := map[string]struct {
		in       admin.UpdateUserInput // for a USER called Ada
		fullName *string
		roles    []auth.Role
		events   []string
	}{
		"nothing":        {fullName: new("Ada"), roles: user},
		"same":           {admin.UpdateUserInput{FullName: new("Ada"), Roles: user}, new("Ada"), user, nil},
		"same, untidy":   {admin.UpdateUserInput{FullName: new(" Ada\t"), Roles: []auth.Role{}}, new("Ada"), user, nil},
		"name":           {admin.UpdateUserInput{FullName: new(" Ada Lovelace ")}, new("Ada Lovelace"), user, []string{renamed}},
		"other case":     {admin.UpdateUserInput{FullName: new("ada")}, new("ada"), user, []string{renamed}},
		"no name":        {admin.UpdateUserInput{FullName: new("")}, nil, user, []string{renamed}},
		"no name, space": {admin.UpdateUserInput{FullName: new("  ")}, nil, user, []string{renamed}},
		"admin alone": {
			admin.UpdateUserInput{Roles: []auth.Role{auth.RoleAdmin}},
			new("Ada"), administrator,
			[]string{"USER_ROLES_CHANGED by root of ada in a session to [USER ADMIN]"},
		},
		"twice the same role": {
			admin.UpdateUserInput{Roles: []auth.Role{auth.RoleAdmin, auth.RoleUser, auth.RoleAdmin}},
			new("Ada"), administrator,
			[]string{"USER_ROLES_CHANGED by root of ada in a session to [USER ADMIN]"},
		},
		"both": {
			admin.UpdateUserInput{FullName: new("Countess"), Roles: administrator},
			new("Countess"), administrator,
			[]string{"USER_ROLES_CHANGED by root of ada in a session to [USER ADMIN]", renamed},
		},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p, err := f.Signup(t.Context(), signin.SignupInput{Username: new("ada"), FullName: new("Ada"), Password: authtest.Password})
				if err != nil {
					t.Fatal(err)
				}
				want := *p.User
				want.FullName, want.Roles = tt.fullName, tt.roles
				f.NewEvents(t)
				f.Clock.Advance(time.Second)
				if tt.events != nil {
					want.UpdatedAt = f.Clock.Now()
				}
				tt.in.UserID = p.User.ID
				got, err := f.UpdateUser(f.As(t, root.AccessToken), tt.in)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&want, got.User); diff != "" {
					t.Errorf("the user of the answer (-want +got):\n%s", diff)
				}
				me, err := f.Me(f.As(t, p.AccessToken))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&want, me); diff != "" {
					t.Errorf("the user in their next request (-want +got):\n%s", diff)
				}
				f.WantEvents(t, tt.events...)
				if err := deleteUser(f.As(t, root.AccessToken), f, p.User.ID); err != nil {
					t.Fatal(err)
				}
			})
		}
	})
}

func TestUpdateUserBadInput(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   admin.UpdateUserInput
		want string
	}{
		"long name": {admin.UpdateUserInput{FullName: new(strings.Repeat("x", 201)), Roles: auth.Roles}, "fullName=TOO_LONG"},
		"bell":      {admin.UpdateUserInput{FullName: new("\a")}, "fullName=INVALID_FORMAT"},
		"unknown":   {admin.UpdateUserInput{Roles: []auth.Role{auth.RoleUser, "NONE"}}, "roles=NOT_FOUND"},
		"too many":  {admin.UpdateUserInput{Roles: tooManyRoles}, "roles=TOO_MANY"},
		"no role":   {admin.UpdateUserInput{FullName: new("Ada"), Roles: []auth.Role{"ROOT"}}, "roles=NOT_FOUND"},
		"both":      {admin.UpdateUserInput{FullName: new("\a"), Roles: []auth.Role{""}}, "fullName=INVALID_FORMAT roles=NOT_FOUND"},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		before := f.AllUsers(t)
		f.NewEvents(t)
		for name, tt := range tests {
			tt.in.UserID = ada.User.ID
			if _, err := f.UpdateUser(f.As(t, root.AccessToken), tt.in); authtest.Code(err) != "BAD_USER_INPUT "+tt.want {
				t.Errorf("%s: %v, want %s", name, err, tt.want)
			}
		}
		if diff := cmp.Diff(before, f.AllUsers(t)); diff != "" {
			t.Errorf("users (-before +after):\n%s", diff)
		}
		f.WantEvents(t)
	})
}

// TestUpdateOneself checks that the rest of the request sees what it has changed.
func TestUpdateOneself(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		ctx := f.As(t, root.AccessToken)
		if _, err := f.UpdateUser(ctx, admin.UpdateUserInput{UserID: root.User.ID, FullName: new("Root")}); err != nil {
			t.Fatal(err)
		}
		v, err := f.Viewer(ctx)
		if err != nil || *v.User.FullName != "Root" || v.Session.ID != root.Session.ID {
			t.Errorf("Viewer: %+v, %v, want Root in the same session", v, err)
		}
		if _, err := f.UpdateUser(ctx, admin.UpdateUserInput{UserID: f.signup(t, "ada").User.ID, FullName: new("Ada")}); err != nil {
			t.Fatal(err)
		}
		if v, err := f.Viewer(ctx); err != nil || *v.User.FullName != "Root" {
			t.Errorf("Viewer after a change to another user: %+v, %v", v, err)
		}
	})
}
