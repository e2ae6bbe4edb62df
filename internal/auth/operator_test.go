package auth_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
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
