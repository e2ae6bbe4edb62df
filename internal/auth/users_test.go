package auth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada := f.admin(t, "root"), f.signup(t, "ada")
		got, err := f.User(f.As(t, root.AccessToken), ada.User.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(ada.User, got); diff != "" {
			t.Errorf("user (-want +got):\n%s", diff)
		}
	})
}
