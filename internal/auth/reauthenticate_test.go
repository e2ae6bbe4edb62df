package auth_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/password"
)

func (f *fixture) tryReauthenticate(ctx context.Context, p password.Plaintext) string {
	_, err := f.Reauthenticate(ctx, signin.ReauthenticateInput{Password: &p})
	return authtest.Code(err)
}

// authTimes are when the user of a session authenticated: in the database, and in a token.
func (f *fixture) authTimes(t *testing.T, bearer string) (session, token time.Time) {
	t.Helper()
	v, err := f.Viewer(f.As(t, bearer))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := f.Tokens.Verify(bearer)
	if err != nil {
		t.Fatal(err)
	}
	return v.Session.AuthTime, claims.AuthTime
}

func TestReauthenticate(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		other := f.login(t, "ada")
		f.NewEvents(t)
		signedIn := f.Clock.Now()
		f.Clock.Advance(2 * time.Minute)
		ctx := f.As(t, ada.AccessToken)
		if got := authtest.Code(f.Authorize(ctx, recent, nil)); got != "STEP_UP_REQUIRED" {
			t.Fatalf("before: %q", got)
		}
		got, err := f.Reauthenticate(ctx, signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
		if err != nil {
			t.Fatal(err)
		}
		now := f.Clock.Now()
		if got.RefreshToken != nil || got.TokenType != "Bearer" || got.ExpiresIn != 900 ||
			got.Session.ID != ada.Session.ID || !got.Session.AuthTime.Equal(signedIn) || got.User.ID != ada.User.ID {
			t.Errorf("answer %+v, want the same session and no refresh token", got)
		}
		f.WantEvents(t, "REAUTHENTICATED by ada of ada in a session")
		if session, token := f.authTimes(t, got.AccessToken); !session.Equal(signedIn) || !token.Equal(now.Truncate(time.Second)) {
			t.Errorf("auth time %v in the session and %v in the token, want %v and %v", session, token, signedIn, now)
		}
		byItself := &auth.Rule{Requires: forUser.Requires, MaxAge: time.Minute, Check: auth.CheckToken}
		for name, ctx := range map[string]context.Context{
			"the rest of the request": ctx, "the new token": f.As(t, got.AccessToken), "the old token": f.As(t, ada.AccessToken),
		} {
			want := ""
			if name == "the old token" {
				want = "STEP_UP_REQUIRED"
			}
			if got := authtest.Code(f.Authorize(ctx, recent, nil)); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
			if got := authtest.Code(f.Authorize(ctx, byItself, nil)); got != want {
				t.Errorf("%s, by itself: %q, want %q", name, got, want)
			}
		}
		if got := authtest.Code(f.Authorize(f.As(t, other.AccessToken), recent, nil)); got != "STEP_UP_REQUIRED" {
			t.Errorf("another session of the user: %q", got)
		}
		if session, _ := f.authTimes(t, other.AccessToken); !session.Equal(signedIn) {
			t.Errorf("another session of the user has the auth time %v", session)
		}

		// The refresh token is still the one from the sign-up, and its tokens have the time of the sign-up.
		refreshed, failed := f.refresh(t.Context(), *ada.RefreshToken)
		if failed != "" {
			t.Fatalf("Refresh: %q", failed)
		}
		if session, token := f.authTimes(t, refreshed.AccessToken); !session.Equal(signedIn) || !token.Equal(signedIn.Truncate(time.Second)) {
			t.Errorf("auth time %v in the session and %v in the refreshed token, want %v", session, token, signedIn)
		}
		// The new time of authentication lasts as long as its token, whatever else happens.
		f.Clock.Advance(30 * time.Second)
		if got := authtest.Code(f.Authorize(f.As(t, got.AccessToken), recent, nil)); got != "" {
			t.Errorf("the new token after a refresh: %q", got)
		}
	})
}

// TestReauthenticateOfOlderServer has a server of an older release change the time of the session. It does not reach the
// tokens of later refreshes.
func TestReauthenticateOfOlderServer(t *testing.T) {
	t.Parallel()
	eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, db *sql.DB) {
		ada := f.signup(t, "ada")
		f.Clock.Advance(2 * time.Minute)
		if _, err := db.ExecContext(t.Context(), `UPDATE sessions SET auth_time = $1`, f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		refreshed, failed := f.refresh(t.Context(), *ada.RefreshToken)
		if failed != "" {
			t.Fatal(failed)
		}
		if got := authtest.Code(f.Authorize(f.As(t, refreshed.AccessToken), recent, nil)); got != "STEP_UP_REQUIRED" {
			t.Errorf("a refreshed token: %q", got)
		}
	})
}

// TestReauthenticateRefused ends the session before and during the request.
func TestReauthenticateRefused(t *testing.T) {
	t.Parallel()
	const shutAccount = "UNAUTHENTICATED ACCOUNT_DISABLED"
	tests := map[string]struct {
		happens                func(t *testing.T, f *fixture, root, p *signin.AuthPayload)
		before, amid, withFail string
	}{
		"ended": {
			func(t *testing.T, f *fixture, _, p *signin.AuthPayload) { endSession(t, f, p) },
			ended, ended, "INVALID_CREDENTIALS",
		},
		"disabled": {
			func(t *testing.T, f *fixture, root, p *signin.AuthPayload) {
				if err := disableUser(f.As(t, root.AccessToken), f, p.User.ID); err != nil {
					t.Fatal(err)
				}
			},
			shutAccount, shutAccount, "INVALID_CREDENTIALS",
		},
		"disabled and enabled": {
			func(t *testing.T, f *fixture, root, p *signin.AuthPayload) {
				for _, do := range []verb{disableUser, enableUser} {
					if err := do(f.As(t, root.AccessToken), f, p.User.ID); err != nil {
						t.Fatal(err)
					}
				}
			},
			ended, ended, "INVALID_CREDENTIALS",
		},
		"deleted": {
			func(t *testing.T, f *fixture, root, p *signin.AuthPayload) {
				if err := deleteUser(f.As(t, root.AccessToken), f, p.User.ID); err != nil {
					t.Fatal(err)
				}
			},
			ended, ended, ended,
		},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p := f.signup(t, uniqueName(name))
				amid := []context.Context{f.As(t, p.AccessToken), f.As(t, p.AccessToken)}
				for _, ctx := range amid {
					if _, err := f.Me(ctx); err != nil {
						t.Fatal(err)
					}
				}
				tt.happens(t, f, root, p)
				f.NewEvents(t)
				if got := f.tryReauthenticate(f.As(t, p.AccessToken), authtest.Password); got != tt.before {
					t.Errorf("before the request: %q, want %q", got, tt.before)
				}
				if got := f.tryReauthenticate(amid[0], authtest.Password); got != tt.amid {
					t.Errorf("amid the request: %q, want %q", got, tt.amid)
				}
				if name == "disabled" { // the password was right, but the account is disabled
					f.WantEvents(t, "LOGIN_FAILED by disabled of disabled in a session")
				} else {
					f.WantEvents(t)
				}
				if got := f.tryReauthenticate(amid[1], "wrong"); got != tt.withFail {
					t.Errorf("amid the request, with a wrong password: %q, want %q", got, tt.withFail)
				}
			})
		}
		if got := f.tryReauthenticate(t.Context(), authtest.Password); got != "UNAUTHENTICATED NO_TOKEN" {
			t.Errorf("without a token: %q", got)
		}
	})
}
