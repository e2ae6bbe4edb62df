package auth_test

import (
	"testing"

	"usher/internal/auth/admin"
)

// TestSweepKeysFullNames has a full name that an older server wrote, and finds it after a sweep.
func TestSweepKeysFullNames(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		root, ada := w.admin(t, "root"), w.signup(t, "ada")
		if err := w.store.SetFullName(t.Context(), ada.User.ID, new("Ángela Straße"), nil, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		find := func() int {
			t.Helper()
			page, err := w.Users(w.as(t, root.AccessToken), 10, nil, &admin.UserFilter{Search: new("ÁNGELA s")}, nil)
			if err != nil {
				t.Fatal(err)
			}
			return len(page.Edges)
		}
		if n := find(); n != 0 {
			t.Errorf("%d found before the sweep", n)
		}
		for range 2 {
			if err := w.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := find(); n != 1 {
				t.Errorf("%d found after the sweep, want 1", n)
			}
		}
	})
}
