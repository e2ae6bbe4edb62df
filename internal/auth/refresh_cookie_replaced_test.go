package auth_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/domain"
)

// TestSignInOverCookieAtLimit signs in over a cookie where the user has as many sessions as they may. The
// session of the cookie makes room, so no other one ends.
func TestSignInOverCookieAtLimit(t *testing.T) {
	t.Parallel()
	for name, cookieFirst := range map[string]bool{"the cookie's session is the oldest": true, "it is the newest": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.parts = w.service(t, domain.Options{Limits: auth.SessionLimits{PerUser: 2}})
				if _, err := w.CreateUser(t.Context(), accounts.Input{Username: new("ada"), Password: goodPassword}, nil); err != nil {
					t.Fatal(err)
				}
				b := &browser{}
				inBrowser := func() *signin.AuthPayload {
					t.Helper()
					w.clock.Advance(time.Second)
					p, err := w.Login(b.context(t, w, ""), signin.LoginInput{Identifier: "ada", Password: goodPassword, Session: signin.TransportCookie})
					if err != nil {
						t.Fatal(err)
					}
					return p
				}
				var old, other *signin.AuthPayload
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
					p    *signin.AuthPayload
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

// TestRefreshOverCookie moves a refresh token into the cookie of a browser that has one already. The session
// of that cookie ends, unless it is the same.
func TestRefreshOverCookie(t *testing.T) {
	t.Parallel()
	const revoked = "TOKEN_REVOKED by ada of "
	for name, tt := range map[string]struct {
		user      string // of the session in the cookie
		transport signin.SessionTransport
		before    func(t *testing.T, w *world, b *browser, moved, replaced *signin.AuthPayload)
		want      string // of the session in the cookie, afterwards
		events    []string
	}{
		"of the same user":    {"ada", signin.TransportCookie, nil, ended, []string{revoked + "ada in a session"}},
		"of somebody else":    {"eve", signin.TransportCookie, nil, ended, []string{revoked + "eve in a session"}},
		"not into the cookie": {"eve", signin.TransportToken, nil, "", nil},
		"of the same session": {"eve", signin.TransportCookie, sameSession, "", nil},
		"of an ended session": {"eve", signin.TransportCookie, endedSession, ended, nil},
		"not a refresh token": {"eve", signin.TransportCookie, garbage, "", nil},
		"with another secret": {"eve", signin.TransportCookie, otherSecret, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				moved := w.signup(t, "ada")
				w.signup(t, "eve")
				b := &browser{}
				replaced, err := w.Login(b.context(t, w, ""), signin.LoginInput{Identifier: tt.user, Password: goodPassword, Session: signin.TransportCookie})
				if err != nil {
					t.Fatal(err)
				}
				if tt.before != nil {
					tt.before(t, w, b, moved, replaced)
				}
				w.newEvents(t)
				p, err := w.Refresh(b.context(t, w, ""), signin.RefreshInput{RefreshToken: moved.RefreshToken, Session: tt.transport})
				if err != nil || p.Session.ID != moved.Session.ID {
					t.Fatalf("Refresh: %v", err)
				}
				w.wantEvents(t, tt.events...)
				if _, err := w.Viewer(w.as(t, replaced.AccessToken)); kind(err) != tt.want {
					t.Errorf("the session of the cookie: %q, want %q", kind(err), tt.want)
				}
				if _, err := w.Viewer(w.as(t, p.AccessToken)); err != nil {
					t.Errorf("the session that was refreshed: %v", err)
				}
			})
		})
	}
}

// sameSession puts the refresh token of the session that is refreshed into the cookie.
func sameSession(_ *testing.T, _ *world, b *browser, moved, _ *signin.AuthPayload) {
	b.token = *moved.RefreshToken
}

func endedSession(t *testing.T, w *world, _ *browser, _, replaced *signin.AuthPayload) {
	t.Helper()
	endSession(t, w, replaced)
}

func garbage(_ *testing.T, _ *world, b *browser, _, _ *signin.AuthPayload) { b.token = "garbage" }

func otherSecret(t *testing.T, w *world, b *browser, _, _ *signin.AuthPayload) {
	t.Helper()
	b.token = withOtherSecret(t, b.token)
}

// TestRefreshOverCookieFails loses the database while the session of the cookie is being ended. The client
// gets no answer, and gets it when it presents the same refresh token again.
func TestRefreshOverCookieFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		moved := w.signup(t, "ada")
		b := &browser{}
		if _, err := w.Login(b.context(t, w, ""), signin.LoginInput{Identifier: "ada", Password: goodPassword, Session: signin.TransportCookie}); err != nil {
			t.Fatal(err)
		}
		kept := b.token
		refresh := func() error {
			_, err := w.Refresh(b.context(t, w, ""), signin.RefreshInput{RefreshToken: moved.RefreshToken, Session: signin.TransportCookie})
			return err
		}
		errLost := errors.New("connection lost")
		w.store.After("AddEvent", func(context.Context) error { return errLost })
		if err := refresh(); !errors.Is(err, errLost) || b.token != kept {
			t.Fatalf("Refresh: %v, and the cookie has %q", err, b.token)
		}
		w.store.After("AddEvent", nil)
		w.newEvents(t)
		if err := refresh(); err != nil || b.token == kept {
			t.Errorf("Refresh again: %v", err)
		}
		w.wantEvents(t, "REFRESH_REPLAYED of ada in a session", "TOKEN_REVOKED by ada of ada in a session")
	})
}
