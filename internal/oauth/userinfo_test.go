package oauth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth/accounts"
)

// TestUserinfoWithoutEmail checks that a user without an e-mail address has no email_verified.
func TestUserinfoWithoutEmail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		p, err := f.domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: accounts.Input{Username: new("eve"), Password: goodPassword}})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"sub": p.User.ID.String(), "preferred_username": "eve", "updated_at": float64(p.User.UpdatedAt.Unix()),
		}
		got := decode(t, f.send(call{method: "GET", path: "/userinfo", header: bearer(p.AccessToken)}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("userinfo (-want +got):\n%s", diff)
		}
	})
}
