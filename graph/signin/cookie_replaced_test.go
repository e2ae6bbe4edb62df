package signin_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
)

// TestSignInOverCookieAtLimit signs in over a cookie when the user has the maximum of sessions. The session of the cookie
// ends first, so no other one does.
func TestSignInOverCookieAtLimit(t *testing.T) {
	t.Parallel()
	for name, cookieFirst := range map[string]bool{"the cookie's session is the oldest": true, "it is the newest": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				f.Service = newService(f.NewDomain(t, domain.Options{Limits: auth.SessionLimits{PerUser: 2}}))
				f.admin(t, "ada")
				b := &browser{}
				inBrowser := func() *signin.AuthPayload {
					t.Helper()
					f.Clock.Advance(time.Second)
					return b.login(t, f, "ada")
				}
				var old, other *signin.AuthPayload
				if cookieFirst {
					old = inBrowser()
					f.Clock.Advance(time.Second)
					other = f.loginAda(t)
				} else {
					other = f.loginAda(t)
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
					if got := f.state(t, tt.p); got != tt.want {
						t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
					}
				}
				if f.loginAda(t); f.state(t, other) != ended {
					t.Error("there is no limit of 2")
				}
			})
		})
	}
}

// TestRefreshOverCookie moves a refresh token into the cookie of a browser that already has one. The session of the old
// cookie ends, unless it is the same.
func TestRefreshOverCookie(t *testing.T) {
	t.Parallel()
	const revoked = "TOKEN_REVOKED by ada of "
	for name, tt := range map[string]struct {
		user      string // of the session in the cookie
		transport signin.SessionTransport
		before    func(t *testing.T, f *fixture, b *browser, moved, replaced *signin.AuthPayload)
		want      string // of the session in the cookie, afterwards
		events    []string
	}{
		"of the same user":    {"ada", signin.TransportCookie, nil, ended, []string{revoked + "ada in a session"}},
		"of another user":     {"eve", signin.TransportCookie, nil, ended, []string{revoked + "eve in a session"}},
		"not into the cookie": {"eve", signin.TransportToken, nil, "", nil},
		"of the same session": {"eve", signin.TransportCookie, sameSession, "", nil},
		"of an ended session": {"eve", signin.TransportCookie, endedSession, ended, nil},
		"not a refresh token": {"eve", signin.TransportCookie, garbage, "", nil},
		"with another secret": {"eve", signin.TransportCookie, otherSecret, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				moved := f.signup(t, "ada")
				f.signup(t, "eve")
				b := &browser{}
				replaced := b.login(t, f, tt.user)
				if tt.before != nil {
					tt.before(t, f, b, moved, replaced)
				}
				f.NewEvents(t)
				p, err := f.Refresh(b.context(t, f, ""), signin.RefreshInput{RefreshToken: moved.RefreshToken, Session: tt.transport})
				if err != nil || p.Session.ID != moved.Session.ID {
					t.Fatalf("Refresh: %v", err)
				}
				f.WantEvents(t, tt.events...)
				if got := f.state(t, replaced); got != tt.want {
					t.Errorf("the session of the cookie: %q, want %q", got, tt.want)
				}
				if got := f.state(t, p); got != "" {
					t.Errorf("the session that was refreshed: %q", got)
				}
			})
		})
	}
}

// sameSession puts the refresh token of the session that is refreshed into the cookie.
func sameSession(_ *testing.T, _ *fixture, b *browser, moved, _ *signin.AuthPayload) {
	b.token = *moved.RefreshToken
}

func endedSession(t *testing.T, f *fixture, _ *browser, _, replaced *signin.AuthPayload) {
	t.Helper()
	f.EndSession(t, replaced.Session)
}

func garbage(_ *testing.T, _ *fixture, b *browser, _, _ *signin.AuthPayload) { b.token = "garbage" }

func otherSecret(t *testing.T, f *fixture, b *browser, _, _ *signin.AuthPayload) {
	t.Helper()
	b.token = authtest.WithOtherSecret(t, b.token)
}

// TestRefreshOverCookieFails loses the database while the session of the cookie ends. The client can present the same
// refresh token again.
func TestRefreshOverCookieFails(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		moved := f.signup(t, "ada")
		b := &browser{}
		b.login(t, f, "ada")
		kept := b.token
		refresh := func() error {
			_, err := f.Refresh(b.context(t, f, ""), signin.RefreshInput{RefreshToken: moved.RefreshToken, Session: signin.TransportCookie})
			return err
		}
		errLost := errors.New("connection lost")
		f.Store.After("AddEvent", func(context.Context) error { return errLost })
		if err := refresh(); !errors.Is(err, errLost) || b.token != kept {
			t.Fatalf("Refresh: %v, and the cookie has %q", err, b.token)
		}
		f.Store.After("AddEvent", nil)
		f.NewEvents(t)
		if err := refresh(); err != nil || b.token == kept {
			t.Errorf("Refresh again: %v", err)
		}
		f.WantEvents(t, "REFRESH_REPLAYED of ada in a session", "TOKEN_REVOKED by ada of ada in a session")
	})
}
