package auth_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/password"
)

func TestCreateUserByAdministrator(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		roles, want []auth.Role
		problem     string
	}{
		"no roles":         {nil, []auth.Role{auth.RoleUser}, ""},
		"empty roles":      {[]auth.Role{}, []auth.Role{auth.RoleUser}, ""},
		"a user":           {[]auth.Role{auth.RoleUser}, []auth.Role{auth.RoleUser}, ""},
		"an administrator": {[]auth.Role{auth.RoleAdmin, auth.RoleAdmin}, auth.Roles, ""},
		"an unknown role":  {[]auth.Role{auth.RoleAdmin, "OWNER"}, nil, "BAD_USER_INPUT roles=NOT_FOUND"},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		f.Clock.Advance(time.Minute)
		n := 0
		for name, tt := range tests {
			n++
			f.Clock.Advance(time.Millisecond) // so that the last user is the new one
			username, email := fmt.Sprint("User", n), fmt.Sprintf("User%d@Example.com", n)
			f.NewEvents(t)
			before := f.state(t)
			got, err := f.adminService.CreateUser(f.As(t, root.AccessToken), admin.CreateUserInput{
				Username: &username, Email: &email, FullName: new("Ada Lovelace"), Password: new(password.Plaintext(authtest.Password)), Roles: tt.roles,
			})
			if code := authtest.Code(err); code != tt.problem {
				t.Errorf("%s: %q, want %q", name, code, tt.problem)
			}
			if err != nil {
				if diff := cmp.Diff(before, f.state(t)); diff != "" {
					t.Errorf("%s has written (-before +after):\n%s", name, diff)
				}
				continue
			}
			want := auth.User{
				ID: got.User.ID, Username: &username, Email: new(fmt.Sprintf("User%d@example.com", n)), FullName: new("Ada Lovelace"),
				Roles: tt.want, CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now(),
			}
			stored, err := f.Store.User(t.Context(), got.User.ID)
			if err != nil {
				t.Fatal(err)
			}
			for what, user := range map[string]*auth.User{"answer": got.User, "stored user": stored} {
				if diff := cmp.Diff(&want, user); diff != "" {
					t.Errorf("%s: the %s (-want +got):\n%s", name, what, diff)
				}
			}
			after := f.state(t)
			if sessions := after.Sessions[len(after.Sessions)-1]; len(sessions) != 0 {
				t.Errorf("%s: the user is signed in: %v", name, sessions)
			}
			f.WantEvents(t, fmt.Sprintf("USER_CREATED by root of %s in a session to %v", username, tt.want))
			if got := f.tryLogin(t.Context(), email, authtest.Password); got != "" {
				t.Errorf("%s: Login: %s", name, got)
			}
		}
	})
}

// TestCreateUserHashesFirst checks that no password is hashed in a transaction.
func TestCreateUserHashesFirst(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		before := f.Store.Calls("InTx")
		if _, err := f.adminService.CreateUser(f.As(t, root.AccessToken), admin.CreateUserInput{Username: new("ada"), Password: new(password.Plaintext("short"))}); err == nil {
			t.Error("a short password was accepted")
		}
		if n := f.Store.Calls("InTx") - before; n != 0 {
			t.Errorf("%d transactions began before the input was checked", n)
		}
	})
}

// TestCreateUserRace has administrators and a sign-up take one name at once.
func TestCreateUserRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		const n = 40
		root := f.admin(t, "root")
		requests := make([]context.Context, n)
		for i := range requests {
			requests[i] = f.As(t, root.AccessToken)
		}
		f.NewEvents(t)
		answers := make([]string, n)
		var wg sync.WaitGroup
		for i, ctx := range requests {
			wg.Go(func() {
				name := []string{"ada", "ADA", "Ada", "ａｄａ"}[i%4]
				_, err := f.adminService.CreateUser(ctx, admin.CreateUserInput{Username: &name, Password: new(password.Plaintext(authtest.Password))})
				answers[i] = authtest.Code(err)
			})
		}
		wg.Wait()
		counts := map[string]int{}
		for _, a := range answers {
			counts[a]++
		}
		if diff := cmp.Diff(map[string]int{"": 1, "BAD_USER_INPUT username=TAKEN": n - 1}, counts); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		if events := f.NewEvents(t); len(events) != 1 {
			t.Errorf("events %q, want one", events)
		}
	})
}
