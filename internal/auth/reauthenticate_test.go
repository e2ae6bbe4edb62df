package auth_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/password"
)

func (w *world) tryReauthenticate(ctx context.Context, p password.Plaintext) string {
	_, err := w.Reauthenticate(ctx, signin.ReauthenticateInput{Password: p})
	return kind(err)
}

// authTimes are when the user of a session proved who they are: as the database has it, and as a
// token says.
func (w *world) authTimes(t *testing.T, bearer string) (session, token time.Time) {
	t.Helper()
	v, err := w.Viewer(w.as(t, bearer))
	if err != nil {
		t.Fatal(err)
	}
	claims, err := w.tokens.Verify(bearer)
	if err != nil {
		t.Fatal(err)
	}
	return v.Session.AuthTime, claims.AuthTime
}

func TestReauthenticate(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		ada := w.signup(t, "ada")
		other := w.login(t, "ada")
		w.newEvents(t)
		signedIn := w.clock.Now()
		w.clock.Advance(2 * time.Minute)
		ctx := w.as(t, ada.AccessToken)
		if got := kind(w.Authorize(ctx, recent, nil)); got != "STEP_UP_REQUIRED" {
			t.Fatalf("before: %q", got)
		}
		got, err := w.Reauthenticate(ctx, signin.ReauthenticateInput{Password: goodPassword})
		if err != nil {
			t.Fatal(err)
		}
		now := w.clock.Now()
		if got.RefreshToken != nil || got.TokenType != "Bearer" || got.ExpiresIn != 900 ||
			got.Session.ID != ada.Session.ID || !got.Session.AuthTime.Equal(signedIn) || got.User.ID != ada.User.ID {
			t.Errorf("answer %+v, want the same session and no refresh token", got)
		}
		w.wantEvents(t, "REAUTHENTICATED by ada of ada in a session")
		if session, token := w.authTimes(t, got.AccessToken); !session.Equal(signedIn) || !token.Equal(now.Truncate(time.Second)) {
			t.Errorf("auth time %v in the session and %v in the token, want %v and %v", session, token, signedIn, now)
		}
		byItself := &auth.Rule{Requires: forUser.Requires, MaxAge: time.Minute, Check: auth.CheckToken}
		for name, ctx := range map[string]context.Context{
			"the rest of the request": ctx, "the new token": w.as(t, got.AccessToken), "the old token": w.as(t, ada.AccessToken),
		} {
			want := ""
			if name == "the old token" {
				want = "STEP_UP_REQUIRED"
			}
			if got := kind(w.Authorize(ctx, recent, nil)); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
			if got := kind(w.Authorize(ctx, byItself, nil)); got != want {
				t.Errorf("%s, by itself: %q, want %q", name, got, want)
			}
		}
		if got := kind(w.Authorize(w.as(t, other.AccessToken), recent, nil)); got != "STEP_UP_REQUIRED" {
			t.Errorf("another session of the user: %q", got)
		}
		if session, _ := w.authTimes(t, other.AccessToken); !session.Equal(signedIn) {
			t.Errorf("another session of the user has the auth time %v", session)
		}

		// The refresh token is still the one from sign-up, and what it gets says no more than the sign-up did.
		refreshed, failed := w.refresh(t.Context(), *ada.RefreshToken)
		if failed != "" {
			t.Fatalf("Refresh: %q", failed)
		}
		if session, token := w.authTimes(t, refreshed.AccessToken); !session.Equal(signedIn) || !token.Equal(signedIn.Truncate(time.Second)) {
			t.Errorf("auth time %v in the session and %v in the refreshed token, want %v", session, token, signedIn)
		}
		// The proof lasts as long as its token, whatever happens beside it.
		w.clock.Advance(30 * time.Second)
		if got := kind(w.Authorize(w.as(t, got.AccessToken), recent, nil)); got != "" {
			t.Errorf("the new token after a refresh: %q", got)
		}
	})
}

// TestReauthenticateOfOlderServer has a server of an older release raise the time of the session, as they do:
// it does not reach the tokens that a refresh gives.
func TestReauthenticateOfOlderServer(t *testing.T) {
	t.Parallel()
	eachWithDB(t, func(t *testing.T, w *world, db *sql.DB) {
		ada := w.signup(t, "ada")
		w.clock.Advance(2 * time.Minute)
		if _, err := db.ExecContext(t.Context(), `UPDATE sessions SET auth_time = $1`, w.clock.Now()); err != nil {
			t.Fatal(err)
		}
		refreshed, failed := w.refresh(t.Context(), *ada.RefreshToken)
		if failed != "" {
			t.Fatal(failed)
		}
		if got := kind(w.Authorize(w.as(t, refreshed.AccessToken), recent, nil)); got != "STEP_UP_REQUIRED" {
			t.Errorf("a refreshed token: %q", got)
		}
	})
}

// TestReauthenticateRefused takes the session away, before the request and in the middle of it.
func TestReauthenticateRefused(t *testing.T) {
	t.Parallel()
	const shutAccount = "UNAUTHENTICATED ACCOUNT_DISABLED"
	tests := map[string]struct {
		happens                func(t *testing.T, w *world, root, p *signin.AuthPayload)
		before, amid, withFail string
	}{
		"ended": {
			func(t *testing.T, w *world, _, p *signin.AuthPayload) { endSession(t, w, p) },
			ended, ended, "INVALID_CREDENTIALS",
		},
		"disabled": {
			func(t *testing.T, w *world, root, p *signin.AuthPayload) {
				if err := shut(w.as(t, root.AccessToken), w, p.User.ID); err != nil {
					t.Fatal(err)
				}
			},
			shutAccount, shutAccount, "INVALID_CREDENTIALS",
		},
		"disabled and enabled": {
			func(t *testing.T, w *world, root, p *signin.AuthPayload) {
				for _, do := range []verb{shut, open} {
					if err := do(w.as(t, root.AccessToken), w, p.User.ID); err != nil {
						t.Fatal(err)
					}
				}
			},
			ended, ended, "INVALID_CREDENTIALS",
		},
		"deleted": {
			func(t *testing.T, w *world, root, p *signin.AuthPayload) {
				if err := remove(w.as(t, root.AccessToken), w, p.User.ID); err != nil {
					t.Fatal(err)
				}
			},
			ended, ended, ended,
		},
	}
	each(t, func(t *testing.T, w *world) {
		root := w.admin(t, "root")
		for name, tt := range tests {
			t.Run(name, func(t *testing.T) {
				p := w.signup(t, uniqueName(name))
				amid := []context.Context{w.as(t, p.AccessToken), w.as(t, p.AccessToken)}
				for _, ctx := range amid {
					if _, err := w.Me(ctx); err != nil {
						t.Fatal(err)
					}
				}
				tt.happens(t, w, root, p)
				w.newEvents(t)
				if got := w.tryReauthenticate(w.as(t, p.AccessToken), goodPassword); got != tt.before {
					t.Errorf("before the request: %q, want %q", got, tt.before)
				}
				if got := w.tryReauthenticate(amid[0], goodPassword); got != tt.amid {
					t.Errorf("amid the request: %q, want %q", got, tt.amid)
				}
				if name == "disabled" { // the password was right, but the account is shut
					w.wantEvents(t, "LOGIN_FAILED by disabled of disabled in a session")
				} else {
					w.wantEvents(t)
				}
				if got := w.tryReauthenticate(amid[1], "wrong"); got != tt.withFail {
					t.Errorf("amid the request, with a wrong password: %q, want %q", got, tt.withFail)
				}
			})
		}
		if got := w.tryReauthenticate(t.Context(), goodPassword); got != "UNAUTHENTICATED NO_TOKEN" {
			t.Errorf("nobody: %q", got)
		}
	})
}
