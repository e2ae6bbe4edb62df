package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
)

func TestUpdateUser(t *testing.T) {
	t.Parallel()
	user, administrator := []auth.Role{auth.RoleUser}, auth.Roles
	renamed := "USER_UPDATED by root of ada in a session"
	tests := map[string]struct {
		in       admin.UpdateUserInput // of somebody who is a USER called Ada
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
	each(t, func(t *testing.T, w *world) {
		root := w.admin(t, "root")
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p, err := w.Signup(t.Context(), signin.SignupInput{Username: new("ada"), FullName: new("Ada"), Password: goodPassword})
				if err != nil {
					t.Fatal(err)
				}
				want := *p.User
				want.FullName, want.Roles = tt.fullName, tt.roles
				w.newEvents(t)
				w.clock.Advance(time.Second)
				if tt.events != nil {
					want.UpdatedAt = w.clock.Now()
				}
				tt.in.UserID = p.User.ID
				got, err := w.UpdateUser(w.as(t, root.AccessToken), tt.in)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&want, got.User); diff != "" {
					t.Errorf("the user of the answer (-want +got):\n%s", diff)
				}
				me, err := w.Me(w.as(t, p.AccessToken))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(&want, me); diff != "" {
					t.Errorf("the user in their next request (-want +got):\n%s", diff)
				}
				w.wantEvents(t, tt.events...)
				if err := remove(w.as(t, root.AccessToken), w, p.User.ID); err != nil {
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
		"no role":   {admin.UpdateUserInput{FullName: new("Ada"), Roles: []auth.Role{"ROOT"}}, "roles=INVALID_FORMAT"},
		"both":      {admin.UpdateUserInput{FullName: new("\a"), Roles: []auth.Role{""}}, "fullName=INVALID_FORMAT roles=INVALID_FORMAT"},
	}
	each(t, func(t *testing.T, w *world) {
		root, ada := w.admin(t, "root"), w.signup(t, "ada")
		before := w.users(t)
		w.newEvents(t)
		for name, tt := range tests {
			tt.in.UserID = ada.User.ID
			if _, err := w.UpdateUser(w.as(t, root.AccessToken), tt.in); kind(err) != "BAD_USER_INPUT "+tt.want {
				t.Errorf("%s: %v, want %s", name, err, tt.want)
			}
		}
		if diff := cmp.Diff(before, w.users(t)); diff != "" {
			t.Errorf("users (-before +after):\n%s", diff)
		}
		w.wantEvents(t)
	})
}

// TestUpdateOneself checks that the rest of the request sees what it has changed.
func TestUpdateOneself(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		root := w.admin(t, "root")
		ctx := w.as(t, root.AccessToken)
		if _, err := w.UpdateUser(ctx, admin.UpdateUserInput{UserID: root.User.ID, FullName: new("Root")}); err != nil {
			t.Fatal(err)
		}
		v, err := w.Viewer(ctx)
		if err != nil || *v.User.FullName != "Root" || v.Session.ID != root.Session.ID {
			t.Errorf("Viewer: %+v, %v, want Root in the same session", v, err)
		}
		if _, err := w.UpdateUser(ctx, admin.UpdateUserInput{UserID: w.signup(t, "ada").User.ID, FullName: new("Ada")}); err != nil {
			t.Fatal(err)
		}
		if v, err := w.Viewer(ctx); err != nil || *v.User.FullName != "Root" {
			t.Errorf("Viewer after a change of somebody else: %+v, %v", v, err)
		}
	})
}
