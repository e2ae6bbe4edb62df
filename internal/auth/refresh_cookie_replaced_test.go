package auth_test

import (
	"testing"
	"time"

	"usher/internal/auth"
)

// TestSignInOverCookieAtLimit signs in over a cookie where the user has as many sessions as they may. The
// session of the cookie makes room, so no other one ends.
func TestSignInOverCookieAtLimit(t *testing.T) {
	t.Parallel()
	for name, cookieFirst := range map[string]bool{"the cookie's session is the oldest": true, "it is the newest": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.Service = w.service(t, auth.Options{Sessions: auth.SessionLimits{PerUser: 2}})
				if _, err := w.CreateUser(t.Context(), auth.SignupInput{Username: new("ada"), Password: goodPassword}, nil); err != nil {
					t.Fatal(err)
				}
				b := &browser{}
				inBrowser := func() *auth.AuthPayload {
					t.Helper()
					w.clock.Advance(time.Second)
					p, err := w.Login(b.context(t, w, ""), auth.LoginInput{Identifier: "ada", Password: goodPassword, Session: auth.TransportCookie})
					if err != nil {
						t.Fatal(err)
					}
					return p
				}
				var old, other *auth.AuthPayload
				if cookieFirst {
					old = inBrowser()
					w.clock.Advance(time.Second)
					other = w.login(t, "ada")
				} else {
					other = w.login(t, "ada")
					old = inBrowser()
				}
				last := inBrowser()
				for _, tt := range []struct {
					name string
					p    *auth.AuthPayload
					want string
				}{
					{"the session of the cookie", old, ended}, {"the other session", other, ""}, {"the new session", last, ""},
				} {
					if _, err := w.Viewer(w.as(t, tt.p.AccessToken)); kind(err) != tt.want {
						t.Errorf("%s: %q, want %q", tt.name, kind(err), tt.want)
					}
				}
				if w.login(t, "ada"); kind(w.Authorize(w.as(t, other.AccessToken), forUser, nil)) != ended {
					t.Error("the limit of 2 is not in force")
				}
			})
		})
	}
}
