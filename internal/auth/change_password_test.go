package auth_test

import (
	"context"
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/password"
)

const otherPassword = "five large purple whales"

func (f *fixture) changePassword(ctx context.Context, current, next password.Plaintext) string {
	_, err := f.ChangePassword(ctx, accounts.ChangePasswordInput{CurrentPassword: current, NewPassword: next, EndOtherSessions: true})
	return authtest.Code(err)
}

func TestChangePassword(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		endOthers bool
		revoked   int
		other     string
		events    []string
	}{
		"ends the others": {true, 1, ended, []string{
			"PASSWORD_CHANGED by ada of ada in a session", "SESSION_REVOKED by ada of ada in a session",
		}},
		"keeps the others": {false, 0, "", []string{"PASSWORD_CHANGED by ada of ada in a session"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				ada, other := f.signup(t, "ada"), f.login(t, "ada")
				eve := f.signup(t, "eve")
				f.NewEvents(t)
				got, err := f.ChangePassword(f.As(t, ada.AccessToken), accounts.ChangePasswordInput{
					CurrentPassword: authtest.Password, NewPassword: otherPassword, EndOtherSessions: tt.endOthers,
				})
				if err != nil {
					t.Fatal(err)
				}
				if got.User.ID != ada.User.ID || got.RevokedCount != tt.revoked {
					t.Errorf("answer %+v, want ada and %d sessions", got, tt.revoked)
				}
				f.WantEvents(t, tt.events...)
				for name, session := range map[string]struct{ bearer, want string }{
					"of the request": {ada.AccessToken, ""}, "other": {other.AccessToken, tt.other}, "of eve": {eve.AccessToken, ""},
				} {
					if got := authtest.Code(f.Authorize(f.As(t, session.bearer), forUser, nil)); got != session.want {
						t.Errorf("the session %s: %q, want %q", name, got, session.want)
					}
				}
				if _, got := f.refresh(t.Context(), *ada.RefreshToken); got != "" {
					t.Errorf("the refresh token of the request: %q", got)
				}
				if _, got := f.refresh(t.Context(), *other.RefreshToken); got != tt.other {
					t.Errorf("the other refresh token: %q, want %q", got, tt.other)
				}
				for p, want := range map[password.Plaintext]string{authtest.Password: wrong, otherPassword: ""} {
					if got := f.tryLogin(t.Context(), "ada", p); got != want {
						t.Errorf("login: %q, want %q", got, want)
					}
				}
				if got := f.tryLogin(t.Context(), "eve", authtest.Password); got != "" {
					t.Errorf("login of eve: %q", got)
				}
			})
		})
	}
}

func TestChangePasswordRefused(t *testing.T) {
	t.Parallel()
	const accented, decomposed = "four sm\u00e4ll green turtles", "four sma\u0308ll green turtles"
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada-lovelace")
		other := f.login(t, "ada-lovelace")
		session := func() context.Context { return f.As(t, ada.AccessToken) }
		if got := f.changePassword(f.As(t, other.AccessToken), authtest.Password, accented); got != "" {
			t.Fatal(got)
		}
		ada = f.loginWith(t, "ada-lovelace", accented)
		f.NewEvents(t)
		for name, tt := range map[string]struct {
			current, next password.Plaintext
			want          string
		}{
			"short":                       {accented, "short", "BAD_USER_INPUT newPassword=TOO_SHORT"},
			"short, with a wrong one":     {"wrong", "short", "BAD_USER_INPUT newPassword=TOO_SHORT"},
			"common":                      {accented, "password password", "BAD_USER_INPUT newPassword=TOO_COMMON"},
			"the user name":               {accented, "ada-lovelace-ada", "BAD_USER_INPUT newPassword=TOO_COMMON"},
			"without a normal form":       {accented, "five large\x00purple whales", "BAD_USER_INPUT newPassword=INVALID_FORMAT"},
			"the same":                    {accented, accented, "BAD_USER_INPUT newPassword=SAME_AS_BEFORE"},
			"the same, typed differently": {accented, decomposed, "BAD_USER_INPUT newPassword=SAME_AS_BEFORE"},
		} {
			for range 6 { // more than the free attempts: nothing is counted
				if got := f.changePassword(session(), tt.current, tt.next); got != tt.want {
					t.Errorf("%s: %q, want %q", name, got, tt.want)
				}
			}
		}
		f.WantEvents(t)
		if got := f.changePassword(t.Context(), accented, otherPassword); got != "UNAUTHENTICATED NO_TOKEN" {
			t.Errorf("without a token: %q", got)
		}

		// The counter is the one of reauthenticate.
		for range 4 {
			if got := f.changePassword(session(), "wrong", otherPassword); got != wrong {
				t.Errorf("a wrong password: %q", got)
			}
			f.WantEvents(t, "LOGIN_FAILED by ada-lovelace of ada-lovelace in a session")
		}
		if got := f.tryReauthenticate(session(), "wrong"); got != wrong {
			t.Errorf("reauthenticate: %q", got)
		}
		if got := f.changePassword(session(), accented, otherPassword); got != "RATE_LIMITED after 1s" {
			t.Errorf("after five wrong passwords: %q", got)
		}
		f.Clock.Advance(time.Second)
		if got := f.changePassword(session(), accented, otherPassword); got != "" {
			t.Errorf("after the wait: %q", got)
		}
		for range 5 { // a success has cleared the counter
			if got := f.changePassword(session(), accented, "six tiny yellow ostriches"); got != wrong {
				t.Errorf("the password before: %q", got)
			}
		}
	})
}

func TestChangePasswordNone(t *testing.T) {
	t.Parallel()
	eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, db *sql.DB) {
		ada := f.signup(t, "ada")
		for _, query := range []string{`DELETE FROM credentials`, `UPDATE users SET password_hash = NULL`} {
			if _, err := db.ExecContext(t.Context(), query); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.changePassword(f.As(t, ada.AccessToken), authtest.Password, otherPassword); got != wrong {
			t.Errorf("an account without a password: %q", got)
		}
		if _, c, err := f.Store.PasswordOf(t.Context(), ada.User.ID); err != nil || c != nil {
			t.Errorf("the account has got a password: %v", err)
		}
	})
}

// TestChangePasswordRace has requests, of one session or of a session each, check the same current password, and then
// replace it all at once. Exactly one succeeds, and its password is the one that is stored.
func TestChangePasswordRace(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		sessions  int
		endOthers bool
		others    string
	}{
		"of one session":                           {1, true, wrong},
		"of a session each":                        {4, false, wrong},
		"of a session each, and ending the others": {4, true, ended},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) { changePasswordRace(t, f, tt.sessions, tt.endOthers, tt.others) })
		})
	}
}

func changePasswordRace(t *testing.T, f *fixture, sessions int, endOthers bool, others string) {
	next := []password.Plaintext{otherPassword, "six tiny yellow ostriches", "nine silent copper foxes", "two brave orange herons"}
	f.signup(t, "ada")
	bearers := make([]string, sessions)
	for i := range bearers {
		bearers[i] = f.login(t, "ada").AccessToken
	}
	f.NewEvents(t)
	var checked sync.WaitGroup
	checked.Add(len(next))
	f.Store.Before("InTx", func(context.Context) error {
		checked.Done()
		checked.Wait()
		return nil
	})
	answers := make([]string, len(next))
	var group sync.WaitGroup
	for i, p := range next {
		ctx := f.As(t, bearers[i%sessions])
		group.Go(func() {
			_, err := f.ChangePassword(ctx, accounts.ChangePasswordInput{
				CurrentPassword: authtest.Password, NewPassword: p, EndOtherSessions: endOthers,
			})
			answers[i] = authtest.Code(err)
		})
	}
	group.Wait()
	f.Store.Before("InTx", nil)
	counts := map[string]int{}
	for _, a := range answers {
		counts[a]++
	}
	if diff := cmp.Diff(map[string]int{"": 1, others: len(next) - 1}, counts); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if events := f.NewEvents(t); len(events) == 0 || events[0] != "PASSWORD_CHANGED by ada of ada in a session" ||
		strings.Contains(strings.Join(events[1:], ""), "PASSWORD_CHANGED") {
		t.Errorf("events %q, want one change of a password", events)
	}
	for i, p := range next {
		want := ""
		if answers[i] != "" {
			want = wrong
		}
		if got := f.tryLogin(t.Context(), "ada", p); got != want {
			t.Errorf("login with password %d: %q, want %q", i, got, want)
		}
	}
}
