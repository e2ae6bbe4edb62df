package auth_test

import (
	"errors"
	"testing"

	"usher/internal/auth"
	"usher/internal/auth/admin"
)

func TestDeleteUser(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		root, ada, eve := w.admin(t, "root"), w.signup(t, "ada"), w.signup(t, "eve")
		w.newEvents(t)
		got, err := w.DeleteUser(w.as(t, root.AccessToken), admin.DeleteUserInput{UserID: ada.User.ID})
		if err != nil || got.UserID != ada.User.ID {
			t.Fatal(got, err)
		}
		w.wantEvents(t, "USER_DELETED by root of ada in a session")
		if _, err := w.store.User(t.Context(), ada.User.ID); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("the account: %v, want it gone", err)
		}
		if got := kind(w.Authorize(w.as(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the next request: %q", got)
		}
		if _, got := w.refresh(t.Context(), *ada.RefreshToken); got != ended {
			t.Errorf("refresh: %q", got)
		}
		if got := w.tryLogin(t.Context(), "ada", goodPassword); got != "INVALID_CREDENTIALS" {
			t.Errorf("log-in: %q", got)
		}
		wantProblem(t, "again", remove(w.as(t, root.AccessToken), w, ada.User.ID), "userId NOT_FOUND")
		if err := w.Authorize(w.as(t, eve.AccessToken), forUser, nil); err != nil {
			t.Errorf("the session of somebody else: %v", err)
		}

		// The name is free again. Nothing of the old account comes back with it.
		anew := w.signup(t, "ada")
		if anew.User.ID == ada.User.ID {
			t.Error("the id was given again")
		}
		if got := kind(w.Authorize(w.as(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("a token of the old account: %q", got)
		}
	})
}
