package auth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth/admin"
)

func TestRevokeUserSessions(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		root, ada, eve := w.admin(t, "root"), w.signup(t, "ada"), w.signup(t, "eve")
		sessions := []*signin.AuthPayload{ada, w.login(t, "ada"), w.login(t, "ada")}
		w.newEvents(t)
		for _, want := range []struct {
			count  int
			events []string
		}{
			{3, []string{"USER_SESSIONS_REVOKED by root of ada in a session"}},
			{0, nil},
		} {
			got, err := w.RevokeUserSessions(w.as(t, root.AccessToken), admin.RevokeUserSessionsInput{UserID: ada.User.ID})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&admin.RevokeUserSessionsPayload{User: ada.User, RevokedCount: want.count}, got); diff != "" {
				t.Errorf("answer (-want +got):\n%s", diff)
			}
			w.wantEvents(t, want.events...)
		}
		for _, p := range sessions {
			if got := kind(w.Authorize(w.as(t, p.AccessToken), forUser, nil)); got != ended {
				t.Errorf("the next request: %q", got)
			}
			if _, got := w.refresh(t.Context(), *p.RefreshToken); got != ended {
				t.Errorf("refresh: %q", got)
			}
		}
		for name, p := range map[string]*signin.AuthPayload{"root": root, "eve": eve, "ada, signed in anew": w.login(t, "ada")} {
			if err := w.Authorize(w.as(t, p.AccessToken), forUser, nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
