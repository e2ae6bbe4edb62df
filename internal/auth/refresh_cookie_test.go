package auth_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth/admin"
	"usher/internal/cookie"
	"usher/internal/request"
)

// browser is a browser that keeps the cookie.
type browser struct {
	token  string
	maxAge time.Duration
	sets   int
}

func (b *browser) set(token string, maxAge time.Duration) {
	b.token, b.maxAge = token, maxAge
	b.sets++
}

// context returns that of a new request from the browser, as the bearer of a token if there is one.
func (b *browser) context(t *testing.T, w *world, bearer string) context.Context {
	ctx := t.Context()
	if bearer != "" {
		ctx = w.as(t, bearer)
	}
	jar := &cookie.Jar{Set: b.set}
	if b.token != "" {
		jar.Receive(b.token)
	}
	return cookie.With(request.With(ctx, &request.Exchange{Info: request.Info{ID: "r1"}}), jar)
}

func TestCookie(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		b := &browser{}
		p, err := w.Signup(b.context(t, w, ""), signin.SignupInput{Username: new("ada"), Password: goodPassword, Session: signin.TransportCookie})
		if err != nil || p.RefreshToken != nil || b.token == "" {
			t.Fatalf("Signup: %v, and the refresh token is not in the cookie alone", err)
		}
		if b.maxAge != p.Session.ExpiresAt.Sub(w.clock.Now()) {
			t.Errorf("the cookie lives %v, want it to live as long as the session", b.maxAge)
		}
		first := b.token

		w.clock.Advance(time.Hour)
		p, err = w.Refresh(b.context(t, w, ""), signin.RefreshInput{Session: signin.TransportToken})
		if err != nil || p.RefreshToken != nil {
			t.Fatalf("Refresh: %v; what came by cookie must not go to a script", err)
		}
		if b.token == first {
			t.Error("the cookie has the old refresh token")
		}
		moved, err := w.Refresh(b.context(t, w, ""), signin.RefreshInput{RefreshToken: &b.token})
		if err != nil || moved.RefreshToken == nil {
			t.Fatalf("Refresh with the token in the input: %v, %v", moved, err)
		}
		w.clock.Advance(time.Minute)
		back, err := w.Refresh(b.context(t, w, ""), signin.RefreshInput{RefreshToken: moved.RefreshToken, Session: signin.TransportCookie})
		if err != nil || back.RefreshToken != nil {
			t.Fatalf("Refresh into the cookie: %v, %v", back, err)
		}

		if _, err := w.Logout(b.context(t, w, back.AccessToken)); err != nil || b.token != "" {
			t.Errorf("Logout: %v, and the cookie has %q", err, b.token)
		}
		if _, err := w.Refresh(b.context(t, w, ""), signin.RefreshInput{}); kind(err) != "BAD_USER_INPUT refreshToken=REQUIRED" {
			t.Errorf("Refresh after Logout: %v", err)
		}
		_, err = w.Refresh(b.context(t, w, ""), signin.RefreshInput{Session: signin.TransportCookie})
		if kind(err) != "UNAUTHENTICATED NO_TOKEN" {
			t.Errorf("Refresh of a cookie after Logout: %v", err)
		}

		p, err = w.Login(b.context(t, w, ""), signin.LoginInput{Identifier: "ada", Password: goodPassword, Session: signin.TransportCookie})
		if err != nil || p.RefreshToken != nil || b.token == "" {
			t.Fatalf("Login: %v, and the refresh token is not in the cookie alone", err)
		}
		endSession(t, w, p)
		if _, err := w.Refresh(b.context(t, w, ""), signin.RefreshInput{}); kind(err) != ended || b.token != "" {
			t.Errorf("Refresh of an ended session: %v, and the cookie has %q", err, b.token)
		}
		b.token = "garbage"
		if _, err := w.Refresh(b.context(t, w, ""), signin.RefreshInput{}); kind(err) != "UNAUTHENTICATED TOKEN_INVALID" || b.token != "" {
			t.Errorf("Refresh of garbage: %v, and the cookie has %q", err, b.token)
		}
	})
}

// TestCookieRefused asks for a cookie where none can be set: nothing happens then.
func TestCookieRefused(t *testing.T) {
	t.Parallel()
	const want = "BAD_USER_INPUT session=INVALID_FORMAT"
	each(t, func(t *testing.T, w *world) {
		ada := w.signup(t, "ada")
		ctx := device(t.Context())
		if _, err := w.Signup(ctx, signin.SignupInput{Username: new("bob"), Password: goodPassword, Session: signin.TransportCookie}); kind(err) != want {
			t.Errorf("Signup: %v", err)
		}
		if _, err := w.Login(ctx, signin.LoginInput{Identifier: "ada", Password: goodPassword, Session: signin.TransportCookie}); kind(err) != want {
			t.Errorf("Login: %v", err)
		}
		if _, err := w.Refresh(ctx, signin.RefreshInput{RefreshToken: ada.RefreshToken, Session: signin.TransportCookie}); kind(err) != want {
			t.Errorf("Refresh: %v", err)
		}
		if n := len(w.users(t)); n != 1 {
			t.Errorf("%d users, want 1", n)
		}
		w.clock.Advance(time.Hour)
		if _, failed := w.refresh(ctx, *ada.RefreshToken); failed != "" {
			t.Errorf("the refresh token was used up: %s", failed)
		}
		b := &browser{}
		p, err := w.Login(b.context(t, w, ""), signin.LoginInput{Identifier: "ada", Password: goodPassword})
		if err != nil || p.RefreshToken == nil || b.sets != 0 {
			t.Errorf("Login without a word about cookies: %v, %d cookies", err, b.sets)
		}
		if _, err := w.Logout(b.context(t, w, p.AccessToken)); err != nil || b.sets != 0 {
			t.Errorf("Logout of a browser without the cookie: %v, %d cookies", err, b.sets)
		}
	})
}

// TestCookieOfAnotherSession ends one session of a browser whose cookie is that of another, as when
// somebody has signed in anew in another tab: the cookie goes with its own session only.
func TestCookieOfAnotherSession(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		old, b := w.signup(t, "ada"), &browser{}
		p, err := w.Login(b.context(t, w, ""), signin.LoginInput{Identifier: "ada", Password: goodPassword, Session: signin.TransportCookie})
		if err != nil {
			t.Fatal(err)
		}
		kept := b.token
		if _, err := w.Logout(b.context(t, w, old.AccessToken)); err != nil || b.token != kept {
			t.Errorf("Logout of another session: %v, and the cookie has %q, want %q", err, b.token, kept)
		}
		other := w.login(t, "ada")
		revoke := signin.RevokeSessionInput{SessionID: other.Session.ID}
		if _, err := w.RevokeSession(b.context(t, w, p.AccessToken), revoke); err != nil || b.token != kept {
			t.Errorf("RevokeSession of another session: %v, and the cookie has %q, want %q", err, b.token, kept)
		}
		if _, err := w.Refresh(b.context(t, w, ""), signin.RefreshInput{}); err != nil {
			t.Errorf("Refresh of the session that lives: %v", err)
		}
		b.token = "garbage"
		if _, err := w.Logout(b.context(t, w, p.AccessToken)); err != nil || b.token != "" {
			t.Errorf("Logout with garbage in the cookie: %v, and it has %q", err, b.token)
		}
	})
}

// TestCookieForgotten ends the session of the request in each way that there is.
func TestCookieForgotten(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(ctx context.Context, w *world, p *signin.AuthPayload) error{
		"logout": func(ctx context.Context, w *world, _ *signin.AuthPayload) error {
			_, err := w.Logout(ctx)
			return err
		},
		"revokeSession": func(ctx context.Context, w *world, p *signin.AuthPayload) error {
			_, err := w.RevokeSession(ctx, signin.RevokeSessionInput{SessionID: p.Session.ID})
			return err
		},
		"revokeUserSessions": func(ctx context.Context, w *world, p *signin.AuthPayload) error {
			_, err := w.RevokeUserSessions(ctx, admin.RevokeUserSessionsInput{UserID: p.User.ID})
			return err
		},
		"disableUser": func(ctx context.Context, w *world, p *signin.AuthPayload) error {
			_, err := w.DisableUser(ctx, admin.DisableUserInput{UserID: p.User.ID})
			return err
		},
		"deleteUser": func(ctx context.Context, w *world, p *signin.AuthPayload) error {
			_, err := w.DeleteUser(ctx, admin.DeleteUserInput{UserID: p.User.ID})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.admin(t, "root") // so that ada is not the last one
				w.admin(t, "ada")
				b := &browser{}
				p, err := w.Login(b.context(t, w, ""), signin.LoginInput{Identifier: "ada", Password: goodPassword, Session: signin.TransportCookie})
				if err != nil {
					t.Fatal(err)
				}
				if err := end(b.context(t, w, p.AccessToken), w, p); err != nil || b.token != "" {
					t.Errorf("%v, and the cookie has %q", err, b.token)
				}
			})
		})
	}
}

// TestSignInOverCookie signs in where the browser has a cookie already. Its session ends, whoever's it is.
func TestSignInOverCookie(t *testing.T) {
	t.Parallel()
	login := func(ctx context.Context, w *world, name string) error {
		_, err := w.Login(ctx, signin.LoginInput{Identifier: name, Password: goodPassword, Session: signin.TransportCookie})
		return err
	}
	for name, tt := range map[string]struct {
		cookie func(w *world, valid string) string
		signIn func(ctx context.Context, w *world) error
		events []string
		lives  bool // the session of the cookie
	}{
		"login": {
			signIn: func(ctx context.Context, w *world) error { return login(ctx, w, "ada") },
			events: []string{"LOGIN by ada of ada in a session", "TOKEN_REVOKED by ada of ada in a session"},
		},
		"login of somebody else": {
			signIn: func(ctx context.Context, w *world) error { return login(ctx, w, "eve") },
			events: []string{"LOGIN by eve of eve in a session", "TOKEN_REVOKED by eve of ada in a session"},
		},
		"signup": {
			signIn: func(ctx context.Context, w *world) error {
				_, err := w.Signup(ctx, signin.SignupInput{Username: new("bob"), Password: goodPassword, Session: signin.TransportCookie})
				return err
			},
			events: []string{"SIGNUP by bob of bob in a session", "TOKEN_REVOKED by bob of ada in a session"},
		},
		"login with a token": {
			signIn: func(ctx context.Context, w *world) error {
				_, err := w.Login(ctx, signin.LoginInput{Identifier: "ada", Password: goodPassword})
				return err
			},
			events: []string{"LOGIN by ada of ada in a session"},
			lives:  true,
		},
		"wrong password": {
			signIn: func(ctx context.Context, w *world) error {
				_, err := w.Login(ctx, signin.LoginInput{Identifier: "ada", Password: "wrong", Session: signin.TransportCookie})
				if kind(err) == "INVALID_CREDENTIALS" {
					return nil
				}
				return err
			},
			events: []string{"LOGIN_FAILED of ada"},
			lives:  true,
		},
		"taken name": {
			signIn: func(ctx context.Context, w *world) error {
				_, err := w.Signup(ctx, signin.SignupInput{Username: new("eve"), Password: goodPassword, Session: signin.TransportCookie})
				if kind(err) == "BAD_USER_INPUT username=TAKEN" {
					return nil
				}
				return err
			},
			lives: true,
		},
		"cookie that does not open": {
			cookie: func(_ *world, valid string) string { return valid[:len(valid)-1] },
			signIn: func(ctx context.Context, w *world) error { return login(ctx, w, "ada") },
			events: []string{"LOGIN by ada of ada in a session"},
			lives:  true,
		},
		"cookie with another secret": {
			cookie: func(w *world, valid string) string { return withOtherSecret(t, valid) },
			signIn: func(ctx context.Context, w *world) error { return login(ctx, w, "ada") },
			events: []string{"LOGIN by ada of ada in a session"},
			lives:  true,
		},
		"cookie of nobody": {
			cookie: func(*world, string) string { return "garbage" },
			signIn: func(ctx context.Context, w *world) error { return login(ctx, w, "ada") },
			events: []string{"LOGIN by ada of ada in a session"},
			lives:  true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.signup(t, "eve")
				b := &browser{}
				old, err := w.Signup(b.context(t, w, ""), signin.SignupInput{Username: new("ada"), Password: goodPassword, Session: signin.TransportCookie})
				if err != nil {
					t.Fatal(err)
				}
				other := w.login(t, "ada") // in another browser
				if tt.cookie != nil {
					b.token = tt.cookie(w, b.token)
				}
				w.newEvents(t)
				if err := tt.signIn(b.context(t, w, ""), w); err != nil {
					t.Fatal(err)
				}
				w.wantEvents(t, tt.events...)
				_, err = w.Viewer(w.as(t, old.AccessToken))
				if want := map[bool]string{true: "", false: ended}[tt.lives]; kind(err) != want {
					t.Errorf("the session of the cookie: %q, want %q", kind(err), want)
				}
				if _, err := w.Viewer(w.as(t, other.AccessToken)); err != nil {
					t.Errorf("another session: %v", err)
				}
			})
		})
	}
}

// TestSignInOverEndedCookie signs in over the cookie of a session that is over: nothing is recorded of it.
func TestSignInOverEndedCookie(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, w *world, p *signin.AuthPayload){
		"ended":   func(t *testing.T, w *world, p *signin.AuthPayload) { endSession(t, w, p) },
		"idle":    func(_ *testing.T, w *world, _ *signin.AuthPayload) { w.clock.Advance(8 * 24 * time.Hour) },
		"expired": func(_ *testing.T, w *world, _ *signin.AuthPayload) { w.clock.Advance(31 * 24 * time.Hour) },
		"deleted": func(t *testing.T, w *world, p *signin.AuthPayload) {
			if err := w.store.DeleteUser(t.Context(), p.User.ID); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, w *world) {
				w.signup(t, "eve")
				b := &browser{}
				p, err := w.Signup(b.context(t, w, ""), signin.SignupInput{Username: new("ada"), Password: goodPassword, Session: signin.TransportCookie})
				if err != nil {
					t.Fatal(err)
				}
				end(t, w, p)
				w.newEvents(t)
				if _, err := w.Login(b.context(t, w, ""), signin.LoginInput{Identifier: "eve", Password: goodPassword, Session: signin.TransportCookie}); err != nil {
					t.Fatal(err)
				}
				w.wantEvents(t, "LOGIN by eve of eve in a session")
			})
		})
	}
}

// TestSignInOverCookieRace signs two users in at once over one cookie: both sign-ins succeed, and its
// session ends once.
func TestSignInOverCookieRace(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		w.signup(t, "eve")
		b := &browser{}
		if _, err := w.Signup(b.context(t, w, ""), signin.SignupInput{Username: new("ada"), Password: goodPassword, Session: signin.TransportCookie}); err != nil {
			t.Fatal(err)
		}
		w.newEvents(t)
		cookie := b.token
		var group sync.WaitGroup
		for range 4 {
			for _, name := range []string{"ada", "eve"} {
				ctx := (&browser{token: cookie}).context(t, w, "")
				group.Go(func() {
					if _, err := w.Login(ctx, signin.LoginInput{Identifier: name, Password: goodPassword, Session: signin.TransportCookie}); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
		}
		group.Wait()
		revoked := 0
		for _, event := range w.newEvents(t) {
			if strings.HasPrefix(event, "TOKEN_REVOKED") {
				revoked++
			}
		}
		if revoked != 1 {
			t.Errorf("the session ended %d times, want once", revoked)
		}
	})
}
