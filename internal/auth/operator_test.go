package auth_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/password"
)

// TestOperatorEvents checks that events distinguish the operator from users.
func TestOperatorEvents(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, err := f.CreateUser(t.Context(), accounts.Input{Username: new("ada"), Email: new("ada@example.com"), Password: authtest.Password}, auth.Roles)
		if err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t, "USER_CREATED by the operator of ada to [USER ADMIN]")
		if _, err := f.CreateUser(t.Context(), accounts.Input{Username: new("ADA"), Password: authtest.Password}, auth.Roles); authtest.Code(err) != "BAD_USER_INPUT username=TAKEN" {
			t.Errorf("CreateUser: %v", err)
		}
		f.WantEvents(t)

		for _, name := range []string{"ada", "ada@example.com"} {
			if err := f.Unlock(t.Context(), ada.ID); err != nil {
				t.Fatal(err)
			}
			f.WantEvents(t)
			for range 10 {
				f.tryLogin(t.Context(), name, "wrong")
			}
			if got := f.tryLogin(t.Context(), name, authtest.Password); got != "RATE_LIMITED after 1s" {
				t.Errorf("locked: %q", got)
			}
			f.NewEvents(t)
			if err := f.Unlock(t.Context(), ada.ID); err != nil {
				t.Fatal(err)
			}
			f.WantEvents(t, "USER_UNLOCKED by the operator of ada")
			if got := f.tryLogin(t.Context(), name, authtest.Password); got != "" {
				t.Errorf("unlocked: %q", got)
			}
			f.NewEvents(t)
		}

		client, _ := f.register(t, "Books")
		f.WantEvents(t, "CLIENT_CREATED by the operator of a client")
		if err := f.DeleteClient(t.Context(), uuid.New()); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("DeleteClient of none: %v, want ErrNotFound", err)
		}
		f.WantEvents(t)
		if err := f.DeleteClient(t.Context(), client.ID); err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t, "CLIENT_DELETED by the operator of a client")
		if err := f.DeleteClient(t.Context(), client.ID); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("DeleteClient again: %v, want ErrNotFound", err)
		}
		f.WantEvents(t)
	})
}

func TestOperatorSetPassword(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, eve := f.signup(t, "ada"), f.signup(t, "eve")
		for range 10 {
			f.tryLogin(t.Context(), "ada", "wrong")
		}
		f.NewEvents(t)
		for p, want := range map[password.Plaintext]string{
			"short": "BAD_USER_INPUT password=TOO_SHORT", "ada ada ada ada ada": "BAD_USER_INPUT password=TOO_COMMON",
		} {
			if got := authtest.Code(f.SetPassword(t.Context(), ada.User, p)); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		}
		f.WantEvents(t)
		if err := f.Authorize(f.As(t, ada.AccessToken), forUser, nil); err != nil {
			t.Errorf("the session after a refused password: %v", err)
		}
		if err := f.SetPassword(t.Context(), ada.User, otherPassword); err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t, "PASSWORD_SET by the operator of ada")
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the session of ada: %q", got)
		}
		if err := f.Authorize(f.As(t, eve.AccessToken), forUser, nil); err != nil {
			t.Errorf("the session of eve: %v", err)
		}
		for p, want := range map[password.Plaintext]string{authtest.Password: wrong, otherPassword: ""} {
			if got := f.tryLogin(t.Context(), "ada", p); got != want {
				t.Errorf("login: %q, want %q", got, want)
			}
		}
		if err := f.operatorService.DeleteUser(t.Context(), ada.User.ID); err != nil {
			t.Fatal(err)
		}
		f.NewEvents(t)
		if err := f.SetPassword(t.Context(), ada.User, otherPassword); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("a deleted account: %v, want ErrNotFound", err)
		}
		f.WantEvents(t)
	})
}

func TestOperatorDeleteUser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		f.NewEvents(t)
		if err := f.operatorService.DeleteUser(t.Context(), ada.User.ID); err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t, "USER_DELETED by the operator of ada")
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the session of ada: %q", got)
		}
		wantProblem(t, "again", f.operatorService.DeleteUser(t.Context(), ada.User.ID), "userId NOT_FOUND")
		wantProblem(t, "the last administrator", f.operatorService.DeleteUser(t.Context(), root.User.ID), "userId LAST_ADMIN")
		f.WantEvents(t)
	})
}
