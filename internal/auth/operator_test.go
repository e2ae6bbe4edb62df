package auth_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
)

// TestOperatorEvents checks that the audit log tells the operator's acts from those of users.
func TestOperatorEvents(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ada, err := w.CreateUser(t.Context(), accounts.Input{Username: new("ada"), Email: new("ada@example.com"), Password: goodPassword}, auth.Roles)
		if err != nil {
			t.Fatal(err)
		}
		w.wantEvents(t, "USER_CREATED by the operator of ada to [USER ADMIN]")
		if _, err := w.CreateUser(t.Context(), accounts.Input{Username: new("ADA"), Password: goodPassword}, auth.Roles); kind(err) != "BAD_USER_INPUT username=TAKEN" {
			t.Errorf("CreateUser: %v", err)
		}
		w.wantEvents(t)

		for _, name := range []string{"ada", "ada@example.com"} {
			if err := w.Unlock(t.Context(), ada.ID); err != nil {
				t.Fatal(err)
			}
			w.wantEvents(t)
			for range 10 {
				w.tryLogin(t.Context(), name, "wrong")
			}
			if got := w.tryLogin(t.Context(), name, goodPassword); got != "RATE_LIMITED after 1s" {
				t.Errorf("locked: %q", got)
			}
			w.newEvents(t)
			if err := w.Unlock(t.Context(), ada.ID); err != nil {
				t.Fatal(err)
			}
			w.wantEvents(t, "USER_UNLOCKED by the operator of ada")
			if got := w.tryLogin(t.Context(), name, goodPassword); got != "" {
				t.Errorf("unlocked: %q", got)
			}
			w.newEvents(t)
		}

		client, _ := w.register(t, "Books")
		w.wantEvents(t, "CLIENT_CREATED by the operator of a client")
		if err := w.DeleteClient(t.Context(), uuid.New()); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("DeleteClient of none: %v, want ErrNotFound", err)
		}
		w.wantEvents(t)
		if err := w.DeleteClient(t.Context(), client.ID); err != nil {
			t.Fatal(err)
		}
		w.wantEvents(t, "CLIENT_DELETED by the operator of a client")
		if err := w.DeleteClient(t.Context(), client.ID); !errors.Is(err, auth.ErrNotFound) {
			t.Errorf("DeleteClient again: %v, want ErrNotFound", err)
		}
		w.wantEvents(t)
	})
}
