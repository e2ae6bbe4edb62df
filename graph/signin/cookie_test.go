package signin_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
)

func TestCookie(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		b := &browser{}
		p, err := f.Signup(b.context(t, f, ""), signin.SignupInput{Username: new("ada"), Password: authtest.Password, Session: signin.TransportCookie})
		if err != nil || p.RefreshToken != nil || b.token == "" {
			t.Fatalf("Signup: %v, and the refresh token is not in the cookie alone", err)
		}
		if b.maxAge != p.Session.ExpiresAt.Sub(f.Clock.Now()) {
			t.Errorf("the cookie is for %v, want it to expire with the session", b.maxAge)
		}
		first := b.token

		f.Clock.Advance(time.Hour)
		p, err = f.Refresh(b.context(t, f, ""), signin.RefreshInput{Session: signin.TransportToken})
		if err != nil || p.RefreshToken != nil {
			t.Fatalf("Refresh: %v; a token from the cookie must not go to a script", err)
		}
		if b.token == first {
			t.Error("the cookie has the old refresh token")
		}
		moved, err := f.Refresh(b.context(t, f, ""), signin.RefreshInput{RefreshToken: &b.token})
		if err != nil || moved.RefreshToken == nil {
			t.Fatalf("Refresh with the token in the input: %v, %v", moved, err)
		}
		f.Clock.Advance(time.Minute)
		back, err := f.Refresh(b.context(t, f, ""), signin.RefreshInput{RefreshToken: moved.RefreshToken, Session: signin.TransportCookie})
		if err != nil || back.RefreshToken != nil {
			t.Fatalf("Refresh into the cookie: %v, %v", back, err)
		}

		if err := f.logout(b.context(t, f, back.AccessToken)); err != nil || b.token != "" {
			t.Errorf("Logout: %v, and the cookie has %q", err, b.token)
		}
		if _, err := f.Refresh(b.context(t, f, ""), signin.RefreshInput{}); authtest.Code(err) != "BAD_USER_INPUT refreshToken=REQUIRED" {
			t.Errorf("Refresh after Logout: %v", err)
		}
		_, err = f.Refresh(b.context(t, f, ""), signin.RefreshInput{Session: signin.TransportCookie})
		if authtest.Code(err) != "UNAUTHENTICATED NO_TOKEN" {
			t.Errorf("Refresh of a cookie after Logout: %v", err)
		}

		p, err = f.Login(b.context(t, f, ""), signin.LoginInput{Identifier: "ada", Password: authtest.Password, Session: signin.TransportCookie})
		if err != nil || p.RefreshToken != nil || b.token == "" {
			t.Fatalf("Login: %v, and the refresh token is not in the cookie alone", err)
		}
		f.EndSession(t, p.Session)
		if _, err := f.Refresh(b.context(t, f, ""), signin.RefreshInput{}); authtest.Code(err) != ended || b.token != "" {
			t.Errorf("Refresh of an ended session: %v, and the cookie has %q", err, b.token)
		}
		b.token = "garbage"
		if _, err := f.Refresh(b.context(t, f, ""), signin.RefreshInput{}); authtest.Code(err) != "UNAUTHENTICATED TOKEN_INVALID" || b.token != "" {
			t.Errorf("Refresh of garbage: %v, and the cookie has %q", err, b.token)
		}
	})
}

// TestCookieRefused requests a cookie where none can be set. Nothing happens.
func TestCookieRefused(t *testing.T) {
	t.Parallel()
	const want = "BAD_USER_INPUT session=INVALID_FORMAT"
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		ctx := t.Context()
		if _, err := f.Signup(ctx, signin.SignupInput{Username: new("bob"), Password: authtest.Password, Session: signin.TransportCookie}); authtest.Code(err) != want {
			t.Errorf("Signup: %v", err)
		}
		if _, err := f.Login(ctx, signin.LoginInput{Identifier: "ada", Password: authtest.Password, Session: signin.TransportCookie}); authtest.Code(err) != want {
			t.Errorf("Login: %v", err)
		}
		if _, err := f.Refresh(ctx, signin.RefreshInput{RefreshToken: ada.RefreshToken, Session: signin.TransportCookie}); authtest.Code(err) != want {
			t.Errorf("Refresh: %v", err)
		}
		if n := len(f.AllUsers(t)); n != 1 {
			t.Errorf("%d users, want 1", n)
		}
		f.Clock.Advance(time.Hour)
		if _, err := f.Refresh(ctx, signin.RefreshInput{RefreshToken: ada.RefreshToken}); err != nil {
			t.Errorf("the refresh token was used up: %v", err)
		}
		b := &browser{}
		p, err := f.Login(b.context(t, f, ""), signin.LoginInput{Identifier: "ada", Password: authtest.Password})
		if err != nil || p.RefreshToken == nil || b.sets != 0 {
			t.Errorf("Login without a transport: %v, %d cookies", err, b.sets)
		}
		if err := f.logout(b.context(t, f, p.AccessToken)); err != nil || b.sets != 0 {
			t.Errorf("Logout of a browser without the cookie: %v, %d cookies", err, b.sets)
		}
	})
}

// TestCookieOfAnotherSession ends one session of a browser that has the cookie of another, as after a second sign-in in
// another tab. The cookie stays until its own session ends.
func TestCookieOfAnotherSession(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		old, b := f.signup(t, "ada"), &browser{}
		p := b.login(t, f, "ada")
		kept := b.token
		if err := f.logout(b.context(t, f, old.AccessToken)); err != nil || b.token != kept {
			t.Errorf("Logout of another session: %v, and the cookie has %q, want %q", err, b.token, kept)
		}
		other := f.loginAda(t)
		ctx := b.context(t, f, p.AccessToken)
		_, err := f.RevokeSession(ctx, signin.RevokeSessionInput{SessionID: other.Session.ID})
		if f.Settle(ctx); err != nil || b.token != kept {
			t.Errorf("RevokeSession of another session: %v, and the cookie has %q, want %q", err, b.token, kept)
		}
		if _, err := f.Refresh(b.context(t, f, ""), signin.RefreshInput{}); err != nil {
			t.Errorf("Refresh of the remaining session: %v", err)
		}
		b.token = "garbage"
		if err := f.logout(b.context(t, f, p.AccessToken)); err != nil || b.token != "" {
			t.Errorf("Logout with garbage in the cookie: %v, and it has %q", err, b.token)
		}
	})
}

// TestCookieForgotten ends the session of the request in every possible way.
func TestCookieForgotten(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(ctx context.Context, f *fixture, p *signin.AuthPayload) error{
		"logout": func(ctx context.Context, f *fixture, _ *signin.AuthPayload) error {
			_, err := f.Logout(ctx)
			return err
		},
		"revokeSession": func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
			_, err := f.RevokeSession(ctx, signin.RevokeSessionInput{SessionID: p.Session.ID})
			return err
		},
		"revokeUserSessions": func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
			_, err := f.Domain.Admin.RevokeUserSessions(ctx, admin.RevokeUserSessionsInput{UserID: p.User.ID})
			return err
		},
		"disableUser": func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
			_, err := f.Domain.Admin.DisableUser(ctx, admin.DisableUserInput{UserID: p.User.ID})
			return err
		},
		"deleteUser": func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
			_, err := f.Domain.Admin.DeleteUser(ctx, admin.DeleteUserInput{UserID: p.User.ID})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				f.admin(t, "root") // so that ada is not the last administrator
				f.admin(t, "ada")
				b := &browser{}
				p := b.login(t, f, "ada")
				ctx := b.context(t, f, p.AccessToken)
				err := end(ctx, f, p)
				if f.Settle(ctx); err != nil || b.token != "" {
					t.Errorf("%v, and the cookie has %q", err, b.token)
				}
			})
		})
	}
}

// TestSignInOverCookie signs in with a browser that already has a cookie. The cookie's session ends, even another user's.
func TestSignInOverCookie(t *testing.T) {
	t.Parallel()
	login := func(ctx context.Context, f *fixture, name string) error {
		_, err := f.Login(ctx, signin.LoginInput{Identifier: name, Password: authtest.Password, Session: signin.TransportCookie})
		return err
	}
	for name, tt := range map[string]struct {
		cookie func(f *fixture, valid string) string
		signIn func(ctx context.Context, f *fixture) error
		events []string
		want   string // of the session of the cookie, afterwards
	}{
		"login": {
			signIn: func(ctx context.Context, f *fixture) error { return login(ctx, f, "ada") },
			events: []string{"LOGIN by ada of ada in a session", "TOKEN_REVOKED by ada of ada in a session"},
			want:   ended,
		},
		"login of another user": {
			signIn: func(ctx context.Context, f *fixture) error { return login(ctx, f, "eve") },
			events: []string{"LOGIN by eve of eve in a session", "TOKEN_REVOKED by eve of ada in a session"},
			want:   ended,
		},
		"signup": {
			signIn: func(ctx context.Context, f *fixture) error {
				_, err := f.Signup(ctx, signin.SignupInput{Username: new("bob"), Password: authtest.Password, Session: signin.TransportCookie})
				return err
			},
			events: []string{"SIGNUP by bob of bob in a session", "TOKEN_REVOKED by bob of ada in a session"},
			want:   ended,
		},
		"login with a token": {
			signIn: func(ctx context.Context, f *fixture) error {
				_, err := f.Login(ctx, signin.LoginInput{Identifier: "ada", Password: authtest.Password})
				return err
			},
			events: []string{"LOGIN by ada of ada in a session"},
		},
		"wrong password": {
			signIn: func(ctx context.Context, f *fixture) error {
				_, err := f.Login(ctx, signin.LoginInput{Identifier: "ada", Password: "wrong", Session: signin.TransportCookie})
				if authtest.Code(err) == "INVALID_CREDENTIALS" {
					return nil
				}
				return err
			},
			events: []string{"LOGIN_FAILED of ada"},
		},
		"taken name": {
			signIn: func(ctx context.Context, f *fixture) error {
				_, err := f.Signup(ctx, signin.SignupInput{Username: new("eve"), Password: authtest.Password, Session: signin.TransportCookie})
				if authtest.Code(err) == "BAD_USER_INPUT username=TAKEN" {
					return nil
				}
				return err
			},
		},
		"cookie that does not open": {
			cookie: func(_ *fixture, valid string) string { return valid[:len(valid)-1] },
			signIn: func(ctx context.Context, f *fixture) error { return login(ctx, f, "ada") },
			events: []string{"LOGIN by ada of ada in a session"},
		},
		"cookie with another secret": {
			cookie: func(f *fixture, valid string) string { return authtest.WithOtherSecret(t, valid) },
			signIn: func(ctx context.Context, f *fixture) error { return login(ctx, f, "ada") },
			events: []string{"LOGIN by ada of ada in a session"},
		},
		"cookie of no session": {
			cookie: func(*fixture, string) string { return "garbage" },
			signIn: func(ctx context.Context, f *fixture) error { return login(ctx, f, "ada") },
			events: []string{"LOGIN by ada of ada in a session"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				f.signup(t, "eve")
				b := &browser{}
				old := b.signupAda(t, f)
				other := f.loginAda(t) // in another browser
				if tt.cookie != nil {
					b.token = tt.cookie(f, b.token)
				}
				f.NewEvents(t)
				if err := tt.signIn(b.context(t, f, ""), f); err != nil {
					t.Fatal(err)
				}
				f.WantEvents(t, tt.events...)
				if got := f.state(t, old); got != tt.want {
					t.Errorf("the session of the cookie: %q, want %q", got, tt.want)
				}
				if got := f.state(t, other); got != "" {
					t.Errorf("another session: %q", got)
				}
			})
		})
	}
}

// TestSignInOverEndedCookie signs in over the cookie of a session that is no longer valid. No event records its end.
func TestSignInOverEndedCookie(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, f *fixture, p *signin.AuthPayload){
		"ended":   func(t *testing.T, f *fixture, p *signin.AuthPayload) { f.EndSession(t, p.Session) },
		"idle":    func(_ *testing.T, f *fixture, _ *signin.AuthPayload) { f.Clock.Advance(8 * 24 * time.Hour) },
		"expired": func(_ *testing.T, f *fixture, _ *signin.AuthPayload) { f.Clock.Advance(31 * 24 * time.Hour) },
		"deleted": func(t *testing.T, f *fixture, p *signin.AuthPayload) {
			if err := f.Store.DeleteUser(t.Context(), p.User.ID); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				f.signup(t, "eve")
				b := &browser{}
				p := b.signupAda(t, f)
				end(t, f, p)
				f.NewEvents(t)
				b.login(t, f, "eve")
				f.WantEvents(t, "LOGIN by eve of eve in a session")
			})
		})
	}
}

// TestSignInOverCookieRace signs two users in at once over one cookie. Both sign-ins succeed, and the cookie's session
// ends once.
func TestSignInOverCookieRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.signup(t, "eve")
		b := &browser{}
		b.signupAda(t, f)
		f.NewEvents(t)
		cookie := b.token
		var group sync.WaitGroup
		for range 4 {
			for _, name := range []string{"ada", "eve"} {
				ctx := (&browser{token: cookie}).context(t, f, "")
				group.Go(func() {
					if _, err := f.Login(ctx, signin.LoginInput{Identifier: name, Password: authtest.Password, Session: signin.TransportCookie}); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
		}
		group.Wait()
		revoked := 0
		for _, event := range f.NewEvents(t) {
			if strings.HasPrefix(event, "TOKEN_REVOKED") {
				revoked++
			}
		}
		if revoked != 1 {
			t.Errorf("the session ended %d times, want once", revoked)
		}
	})
}

// TestCookieUnknownResource requests a token for a resource that the server does not issue tokens for. The cookie stays,
// and its token is still valid.
func TestCookieUnknownResource(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		b := &browser{}
		p := b.signupAda(t, f)
		kept := b.token
		for _, resource := range []string{"", authtest.API + "/", "\x00"} {
			in := signin.RefreshInput{Session: signin.TransportCookie, Resource: &resource}
			if _, err := f.Refresh(b.context(t, f, ""), in); authtest.Code(err) != "BAD_USER_INPUT resource=NOT_FOUND" || b.token != kept {
				t.Errorf("Refresh for %q: %v, and the cookie has %q", resource, err, b.token)
			}
		}
		state, err := f.Store.RefreshState(t.Context(), p.Session.ID)
		if err != nil || state.Generation != 0 {
			t.Errorf("the refresh token was used up: %v, %v", state, err)
		}
	})
}
