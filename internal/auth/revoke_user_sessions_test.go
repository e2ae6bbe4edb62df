package auth_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

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

// TestRevokeUserSession ends one session of a user.
func TestRevokeUserSession(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root, ada, eve := f.admin(t, "root"), f.signup(t, "ada"), f.signup(t, "eve")
		other := f.login(t, "ada")
		f.NewEvents(t)
		for _, test := range []struct {
			name          string
			user, session uuid.UUID
			count         int
			want          string
			events        []string
		}{
			{"another user's", ada.User.ID, eve.Session.ID, 0, "BAD_USER_INPUT sessionId=NOT_FOUND", nil},
			{"no session's", ada.User.ID, uuid.Max, 0, "BAD_USER_INPUT sessionId=NOT_FOUND", nil},
			{"no session's of no user", uuid.Max, uuid.Max, 0, "BAD_USER_INPUT userId=NOT_FOUND", nil},
			{"the user's", ada.User.ID, ada.Session.ID, 1, "", []string{"SESSION_REVOKED by root of ada in a session"}},
			{"one that has ended", ada.User.ID, ada.Session.ID, 0, "", nil},
		} {
			got, err := f.RevokeUserSessions(f.As(t, root.AccessToken), admin.RevokeUserSessionsInput{UserID: test.user, SessionID: &test.session})
			if code := authtest.Code(err); code != test.want {
				t.Errorf("%s: %q, want %q", test.name, code, test.want)
			}
			if err == nil && got.RevokedCount != test.count {
				t.Errorf("%s: %d sessions ended, want %d", test.name, got.RevokedCount, test.count)
			}
			f.WantEvents(t, test.events...)
		}
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the next request: %q", got)
		}
		for name, p := range map[string]*signin.AuthPayload{"root": root, "eve": eve, "ada elsewhere": other} {
			if err := f.Authorize(f.As(t, p.AccessToken), forUser, nil); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := f.RevokeUserSessions(f.As(t, root.AccessToken), admin.RevokeUserSessionsInput{UserID: root.User.ID, SessionID: &root.Session.ID}); err != nil {
			t.Fatal(err)
		}
		if got := authtest.Code(f.Authorize(f.As(t, root.AccessToken), forUser, nil)); got != ended {
			t.Errorf("the administrator's own session: %q", got)
		}
	})
}
