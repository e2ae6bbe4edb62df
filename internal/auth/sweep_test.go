package auth_test

import (
	"testing"

	"usher/internal/auth"
	"usher/internal/auth/admin"
)

// TestSweepKeysFullNames finds a full name of an older release after a sweep.
func TestSweepKeysFullNames(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		if err := f.Store.SetProfile(t.Context(), ada.User.ID, auth.Profile{FullName: auth.FullName{Text: new("Ángela Straße")}}, f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		find := func() int {
			t.Helper()
			list, err := f.adminService.Users(f.As(t, root.AccessToken), &admin.UserFilter{Search: new("ÁNGELA s")}, nil)
			if err != nil {
				t.Fatal(err)
			}
			found, err := list.Read(t.Context(), auth.Page[auth.UserPosition]{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return len(found)
		}
		if n := find(); n != 0 {
			t.Errorf("%d found before the sweep", n)
		}
		for range 2 {
			if err := f.Sweep(t.Context()); err != nil {
				t.Fatal(err)
			}
			if n := find(); n != 1 {
				t.Errorf("%d found after the sweep, want 1", n)
			}
		}
	})
}
