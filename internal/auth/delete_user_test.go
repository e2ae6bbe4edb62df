package auth_test

import (
	"errors"
	"testing"

	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

func TestDeleteUser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada, eve := f.admin(t, "root"), f.signup(t, "ada"), f.signup(t, "eve")
		f.NewEvents(t)
		got, err := f.DeleteUser(f.As(t, root.AccessToken), admin.DeleteUserInput{UserID: ada.User.ID})
		if err != nil || got.UserID != ada.User.ID {
			t.Fatal(got, err)
		}
		f.WantEvents(t, "USER_DELETED by root of ada in a session")
		if _, err := f.Store.User(t.Context(), ada.User.ID); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("the account: %v, want it deleted", err)
		}
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the next request: %q", got)
		}
		if _, got := f.refresh(t.Context(), *ada.RefreshToken); got != ended {
			t.Errorf("refresh: %q", got)
		}
		if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != "INVALID_CREDENTIALS" {
			t.Errorf("log-in: %q", got)
		}
		wantProblem(t, "again", deleteUser(f.As(t, root.AccessToken), f, ada.User.ID), "userId NOT_FOUND")
		if err := f.Authorize(f.As(t, eve.AccessToken), forUser, nil); err != nil {
			t.Errorf("the session of another user: %v", err)
		}

		// The name is free again. A new account has nothing of the old one.
		again := f.signup(t, "ada")
		if again.User.ID == ada.User.ID {
			t.Error("the id was given again")
		}
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("a token of the old account: %q", got)
		}
	})
}
