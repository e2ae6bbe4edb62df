package auth_test

import (
	"context"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/sessions"
	"usher/internal/cookie"
)

// TestCompleteLoginRace completes one sign-in many times at once, with codes that are all right.
func TestCompleteLoginRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		a := f.setUpTOTP(t, ada.AccessToken)
		challenge := f.begin(t)
		var attempts []func() string
		for n := range 8 {
			attempts = append(attempts, func() string {
				return f.complete(t.Context(), signin.CompleteLoginInput{Challenge: challenge, RecoveryCode: &a.codes[n]})
			})
		}
		if got := together(attempts...); got[""] != 1 {
			t.Errorf("answers %v, want one success", got)
		}
		left, err := f.Domain.Factors.Of(f.As(t, ada.AccessToken), f.user(t, ada.User.ID))
		if err != nil || *left[1].Remaining != 9 {
			t.Errorf("%d codes are left, %v: those of failed sign-ins must stay valid", *left[1].Remaining, err)
		}
	})
}

// TestChallengeEnds tries sign-ins that can no longer be completed.
func TestChallengeEnds(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before func(t *testing.T, f *fixture, a *app, ada *signin.AuthPayload, challenge string)
		want   string
	}{
		"unused": {func(*testing.T, *fixture, *app, *signin.AuthPayload, string) {}, ""},
		"expired": {func(_ *testing.T, f *fixture, _ *app, _ *signin.AuthPayload, _ string) {
			f.Clock.Advance(5 * time.Minute)
		}, wrongChallenge},
		"five attempts": {func(t *testing.T, f *fixture, a *app, _ *signin.AuthPayload, challenge string) {
			t.Helper()
			for range 5 {
				f.complete(t.Context(), signin.CompleteLoginInput{Challenge: challenge, Totp: new("000000")})
				f.Clock.Advance(time.Second)
			}
		}, wrongChallenge},
		"password changed": {func(t *testing.T, f *fixture, a *app, ada *signin.AuthPayload, _ string) {
			t.Helper()
			if got := f.changePassword(f.As(t, ada.AccessToken), authtest.Password, otherPassword); got != "" {
				t.Fatal(got)
			}
		}, wrongChallenge},
		"disabled": {func(t *testing.T, f *fixture, _ *app, ada *signin.AuthPayload, _ string) {
			t.Helper()
			if err := f.Store.SetDisabled(t.Context(), ada.User.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
				t.Fatal(err)
			}
		}, "UNAUTHENTICATED ACCOUNT_DISABLED"},
		"deleted": {func(t *testing.T, f *fixture, _ *app, ada *signin.AuthPayload, _ string) {
			t.Helper()
			if err := f.Store.DeleteUser(t.Context(), ada.User.ID); err != nil {
				t.Fatal(err)
			}
		}, wrongChallenge},
		"factor removed": {func(t *testing.T, f *fixture, _ *app, ada *signin.AuthPayload, _ string) {
			t.Helper()
			if _, err := f.Domain.Factors.RemoveTotp(f.As(t, ada.AccessToken)); err != nil {
				t.Fatal(err)
			}
		}, wrongChallenge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				ada := f.signup(t, "ada")
				a := f.setUpTOTP(t, ada.AccessToken)
				challenge := f.begin(t)
				tt.before(t, f, a, ada, challenge)
				if got := f.complete(t.Context(), signin.CompleteLoginInput{Challenge: challenge, Totp: new(a.next(f))}); got != tt.want {
					t.Errorf("%q, want %q", got, tt.want)
				}
			})
		})
	}
}

// TestChallengeInBrowser begins a sign-in over the cookie. Another browser cannot complete it, even with the challenge.
func TestChallengeInBrowser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		a := f.setUpTOTP(t, ada.AccessToken)
		jar := map[string]string{}
		challenge := f.challenge(t, browserWith(t.Context(), jar), signin.LoginInput{Identifier: "ada", Session: signin.TransportCookie})
		if jar["login"] == "" || jar["refresh"] != "" {
			t.Fatalf("cookies %v", jar)
		}
		in := signin.CompleteLoginInput{Challenge: challenge, Totp: new(a.next(f)), Session: signin.TransportCookie}
		for what, stranger := range map[string]context.Context{
			"without the cookie": browserWith(t.Context(), map[string]string{}),
			"with another one":   browserWith(t.Context(), map[string]string{"login": "x"}),
		} {
			if got := f.complete(stranger, in); got != wrongChallenge {
				t.Errorf("%s: %q", what, got)
			}
		}
		if got := f.complete(browserWith(t.Context(), jar), in); got != "" || jar["login"] != "" || jar["refresh"] == "" {
			t.Errorf("%q, and the cookies are %v", got, jar)
		}
	})
}

// the password do not clear the counter.
func TestFactorAttempts(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupEmail(t, "ada", adaAddress)
		a := f.setUpTOTP(t, ada.AccessToken)
		guess := func() string {
			return f.complete(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), Totp: new("000000")})
		}
		for range 5 {
			if got := guess(); got != "INVALID_CREDENTIALS" {
				t.Fatalf("a guess: %q", got)
			}
		}
		if got := guess(); got != "RATE_LIMITED after 1s" {
			t.Errorf("after five guesses: %q", got)
		}
		if got := f.tryReauthenticate(f.As(t, ada.AccessToken), authtest.Password); got != "" {
			t.Errorf("the password in a session: %q", got)
		}
		if _, err := f.sessions.Login(t.Context(), sessions.LoginInput{Identifier: "ada", Password: authtest.Password}); authtest.Code(err) != "SECOND_FACTOR_REQUIRED" {
			t.Errorf("a sign-in that cannot be completed: %v", err)
		}
		if got := guess(); got != "RATE_LIMITED after 1s" {
			t.Errorf("after right passwords: %q", got)
		}
		f.Clock.Advance(time.Second)
		if got := f.complete(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), RecoveryCode: &a.codes[2]}); got != "" {
			t.Errorf("the owner after a second: %q", got)
		}
		if got := guess(); got != "INVALID_CREDENTIALS" {
			t.Errorf("after a success: %q", got)
		}
	})
}

// browserWith is a request of a browser with these cookies, which it changes.
func browserWith(ctx context.Context, jar map[string]string) context.Context {
	names := map[cookie.Kind]string{cookie.Refresh: "refresh", cookie.Device: "device", cookie.Login: "login"}
	j := &cookie.Jar{Set: func(kind cookie.Kind, value string, _ time.Duration) { jar[names[kind]] = value }}
	for kind, name := range names {
		if value := jar[name]; value != "" {
			j.Receive(kind, value)
		}
	}
	return cookie.With(ctx, j)
}
