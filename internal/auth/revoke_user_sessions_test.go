package auth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

func TestRevokeUserSessions(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada, eve := f.admin(t, "root"), f.signup(t, "ada"), f.signup(t, "eve")
		sessions := []*signin.AuthPayload{ada, f.login(t, "ada"), f.login(t, "ada")}
		f.NewEvents(t)
		for _, want := range []struct {
			count  int
			events []string
		}{
			{3, []string{"USER_SESSIONS_REVOKED by root of ada in a session"}},
			{0, nil},
		} {
			got, err := f.RevokeUserSessions(f.As(t, root.AccessToken), admin.RevokeUserSessionsInput{UserID: ada.User.ID})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&admin.RevokeUserSessionsPayload{User: ada.User, RevokedCount: want.count}, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			f.WantEvents(t, want.events...)
		}
		for _, p := range sessions {
			if got := authtest.Code(f.Authorize(f.As(t, p.AccessToken), forUser, nil)); got != ended {
				t.Errorf("the next request: %q", got)
			}
			if _, got := f.refresh(t.Context(), *p.RefreshToken); got != ended {
				t.Errorf("refresh: %q", got)
			}
		}
		for name, p := range map[string]*signin.AuthPayload{"root": root, "eve": eve, "ada, after a new sign-in": f.login(t, "ada")} {
			if err := f.Authorize(f.As(t, p.AccessToken), forUser, nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
