package auth_test

import (
	"context"
	"encoding/base32"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/factors"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
	"usher/internal/cookie"
	"usher/internal/password"
	"usher/internal/token"
	"usher/internal/totp"
)

// app is the authenticator app of a user, with their recovery codes.
type app struct {
	totp.Seed
	codes []string
}

// code is what the app shows at the time of the fixture's clock.
func (a *app) code(f *fixture) string { return a.Code(f.Clock.Now().Unix() / 30) }

// next waits until the app shows another code.
func (a *app) next(f *fixture) string {
	f.Clock.Advance(30 * time.Second)
	return a.code(f)
}

// setUpTOTP sets an app up in a session of a user. Its first code is used up.
func (f *fixture) setUpTOTP(t *testing.T, bearer string) *app {
	t.Helper()
	begun, err := f.Domain.Factors.BeginTotpSetup(f.As(t, bearer))
	if err != nil {
		t.Fatalf("BeginTotpSetup: %v", err)
	}
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(begun.Key)
	if err != nil {
		t.Fatal(err)
	}
	a := &app{Seed: seed}
	p, err := f.Domain.Factors.ConfirmTotpSetup(f.As(t, bearer), factors.ConfirmTotpSetupInput{Code: a.code(f)})
	if err != nil {
		t.Fatalf("ConfirmTotpSetup: %v", err)
	}
	a.codes = p.RecoveryCodes
	return a
}

// challenge signs in with the right password and returns what completes the sign-in.
func (f *fixture) challenge(t *testing.T, ctx context.Context, in signin.LoginInput) string { //nolint:revive // t stands first in this file
	t.Helper()
	in.Password = authtest.Password
	_, err := f.Login(ctx, in)
	var second *auth.Error
	if !errors.As(err, &second) || second.Code != auth.CodeSecondFactorRequired || second.Continue == nil {
		t.Fatalf("Login with a second factor: %v", err)
	}
	return second.Continue.Token
}

// begin signs ada in with her password, and returns what completes the sign-in.
func (f *fixture) begin(t *testing.T) string {
	t.Helper()
	return f.challenge(t, t.Context(), signin.LoginInput{Identifier: "ada"})
}

func (f *fixture) complete(ctx context.Context, in signin.CompleteLoginInput) string {
	_, err := f.CompleteLogin(ctx, in)
	return authtest.Code(err)
}

const wrongChallenge = "BAD_USER_INPUT challenge=EXPIRED"

// TestSecondFactor sets an app up, signs in with it, and removes it.
func TestSecondFactor(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupEmail(t, "ada", adaAddress)
		f.NewMails(t)
		f.NewEvents(t)
		a := f.setUpTOTP(t, ada.AccessToken)
		f.WantEvents(t, "FACTOR_ADDED by ada of ada in a session")
		f.NewMail(t, "factor-added", adaAddress)
		if len(a.codes) != 10 || len(slices.Compact(slices.Sorted(slices.Values(a.codes)))) != 10 || len(a.codes[0]) != 19 {
			t.Errorf("recovery codes %v", a.codes)
		}

		challenge := f.begin(t)
		f.WantEvents(t, "SECOND_FACTOR_REQUIRED of ada")
		if got := f.complete(t.Context(), signin.CompleteLoginInput{Challenge: challenge, Totp: new(a.code(f))}); got != "INVALID_CREDENTIALS" {
			t.Errorf("the code of the set-up again: %q", got)
		}
		f.WantEvents(t, "FACTOR_FAILED of ada")
		p, err := f.CompleteLogin(device(t.Context()), signin.CompleteLoginInput{Challenge: challenge, Totp: new(a.next(f))})
		if err != nil {
			t.Fatalf("CompleteLogin: %v", err)
		}
		f.WantEvents(t, "LOGIN by ada of ada in a session")
		if got := f.complete(t.Context(), signin.CompleteLoginInput{Challenge: challenge, Totp: new(a.next(f))}); got != wrongChallenge {
			t.Errorf("the sign-in again: %q", got)
		}
		claims, err := f.Tokens.Verify(p.AccessToken)
		if err != nil || claims.Assurance != "AAL2" || !slices.Equal(claims.Methods, []string{"pwd", "otp", "mfa"}) {
			t.Errorf("claims %+v, %v", claims, err)
		}
		if got := p.Session.AuthMethods(); !slices.Equal(got, []auth.AuthMethod{"PASSWORD", "TOTP"}) || p.Session.Assurance() != auth.AAL2 {
			t.Errorf("the session has %v at %s", got, p.Session.Assurance())
		}
		again, code := f.refresh(t.Context(), *p.RefreshToken)
		if code != "" {
			t.Fatal(code)
		}
		if claims, err := f.Tokens.Verify(again.AccessToken); err != nil || claims.Assurance != "AAL2" {
			t.Errorf("claims after a refresh %+v, %v", claims, err)
		}
		aal2 := &auth.Rule{Requires: forUser.Requires, Check: auth.CheckSession, Assurance: auth.RequireAAL2}
		for bearer, want := range map[string]string{ada.AccessToken: "STEP_UP_REQUIRED", p.AccessToken: "", again.AccessToken: ""} {
			if got := authtest.Code(f.Authorize(f.As(t, bearer), aal2, nil)); got != want {
				t.Errorf("AAL2: %q, want %q", got, want)
			}
		}

		f.NewMails(t)
		if _, err := f.Domain.Factors.RemoveTotp(f.As(t, p.AccessToken)); err != nil {
			t.Fatalf("RemoveTotp: %v", err)
		}
		f.WantEvents(t, "FACTOR_REMOVED by ada of ada in a session")
		f.NewMail(t, "factor-removed", adaAddress)
		if got := authtest.Code(f.Authorize(f.As(t, again.AccessToken), aal2, nil)); got != "SECOND_FACTOR_SETUP_REQUIRED" {
			t.Errorf("AAL2 with a token from before: %q", got)
		}
		left, err := f.Domain.Factors.Of(f.As(t, p.AccessToken), p.User)
		if err != nil || len(f.user(t, ada.User.ID).Factors) != 0 {
			t.Errorf("%v are left, %v", left, err)
		}
		if got := f.login(t, "ada").Session.Assurance(); got != auth.AAL1 {
			t.Errorf("a sign-in without a factor: %s", got)
		}
	})
}

// TestRecoveryCodes uses recovery codes, and replaces them.
func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupEmail(t, "ada", adaAddress)
		a := f.setUpTOTP(t, ada.AccessToken)
		f.NewMails(t)
		f.NewEvents(t)
		typed := " " + strings.ToLower(strings.ReplaceAll(a.codes[0], "-", " ")) + "-"
		p, err := f.CompleteLogin(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), RecoveryCode: &typed})
		if err != nil || p.Session.Assurance() != auth.AAL2 {
			t.Fatalf("CompleteLogin: %v", err)
		}
		f.NewMail(t, "recovery-code-used", adaAddress)
		f.WantEvents(t, "LOGIN by ada of ada in a session", "RECOVERY_CODE_USED by ada of ada", "SECOND_FACTOR_REQUIRED of ada")
		list, err := f.Domain.Factors.Of(f.As(t, p.AccessToken), f.user(t, ada.User.ID))
		if err != nil || len(list) != 2 || list[0].Method != "TOTP" || list[1].Method != "RECOVERY_CODE" || *list[1].Remaining != 9 {
			t.Fatalf("factors %+v, %v", list, err)
		}
		if got := f.complete(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), RecoveryCode: &a.codes[0]}); got != "INVALID_CREDENTIALS" {
			t.Errorf("a code again: %q", got)
		}

		f.NewMails(t)
		f.NewEvents(t)
		next, err := f.Domain.Factors.RegenerateRecoveryCodes(f.As(t, p.AccessToken))
		if err != nil || len(next.RecoveryCodes) != 10 {
			t.Fatalf("RegenerateRecoveryCodes: %v", err)
		}
		f.NewMail(t, "recovery-codes-replaced", adaAddress)
		f.WantEvents(t, "RECOVERY_CODES_REPLACED by ada of ada in a session")
		if got := f.complete(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), RecoveryCode: &a.codes[1]}); got != "INVALID_CREDENTIALS" {
			t.Errorf("an old code: %q", got)
		}
		if got := f.complete(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), RecoveryCode: &next.RecoveryCodes[3]}); got != "" {
			t.Errorf("a new code: %q", got)
		}
		bob := f.signup(t, "bob")
		if _, err := f.Domain.Factors.RegenerateRecoveryCodes(f.As(t, bob.AccessToken)); authtest.Code(err) != "SECOND_FACTOR_SETUP_REQUIRED" {
			t.Errorf("RegenerateRecoveryCodes without a factor: %v", err)
		}
	})
}

// TestSecondFactorRace presents one code a hundred times at once, in sign-ins of their own and in sessions. It is used once.
func TestSecondFactorRace(t *testing.T) {
	t.Parallel()
	for name, presented := range map[string]func(a *app, code string) signin.CompleteLoginInput{
		"totp": func(_ *app, code string) signin.CompleteLoginInput { return signin.CompleteLoginInput{Totp: &code} },
		"recovery code": func(a *app, _ string) signin.CompleteLoginInput {
			return signin.CompleteLoginInput{RecoveryCode: &a.codes[4]}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				ada := f.signup(t, "ada")
				a := f.setUpTOTP(t, ada.AccessToken)
				challenges := make([]string, 5)
				for i := range challenges {
					challenges[i] = f.begin(t)
				}
				in := presented(a, a.next(f))
				var attempts []func() string
				for n := range 100 {
					attempts = append(attempts, func() string {
						if n%5 == 4 {
							_, err := f.Reauthenticate(f.As(t, ada.AccessToken), signin.ReauthenticateInput{Totp: in.Totp, RecoveryCode: in.RecoveryCode})
							return authtest.Code(err)
						}
						in := in
						in.Challenge = challenges[n%5]
						return f.complete(t.Context(), in)
					})
				}
				got := together(attempts...)
				if got[""] != 1 {
					t.Errorf("answers %v, want one success", got)
				}
			})
		})
	}
}

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

// TestFactorAttempts guesses the codes of an account whose password is known. New sign-ins, right passwords and a reset of
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

// TestStepUpWithFactor confirms the identity of users with and without a second factor.
func TestStepUpWithFactor(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		old := f.signup(t, "ada")
		a := f.setUpTOTP(t, old.AccessToken)
		p, err := f.CompleteLogin(t.Context(), signin.CompleteLoginInput{Challenge: f.begin(t), Totp: new(a.next(f))})
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.Reauthenticate(f.As(t, p.AccessToken), signin.ReauthenticateInput{Password: new(password.Plaintext(authtest.Password))})
		var refused *auth.Error
		if !errors.As(err, &refused) || refused.Code != auth.CodeStepUpRequired || refused.Assurance != auth.AAL2 ||
			!slices.Equal(refused.Methods, []auth.AuthMethod{"TOTP", "RECOVERY_CODE"}) {
			t.Errorf("the password in a session with two factors: %v", err)
		}
		f.NewEvents(t)
		for name, bearer := range map[string]string{"with one factor": old.AccessToken, "with two": p.AccessToken} {
			got, err := f.Reauthenticate(f.As(t, bearer), signin.ReauthenticateInput{Totp: new(a.next(f))})
			if err != nil {
				t.Fatalf("a session %s: %v", name, err)
			}
			claims, err := f.Tokens.Verify(got.AccessToken)
			if err != nil || claims.Assurance != "AAL2" || !claims.AuthTime.Equal(f.Clock.Now().Truncate(time.Second)) {
				t.Errorf("a session %s: claims %+v, %v", name, claims, err)
			}
		}
		if again, _ := f.refresh(t.Context(), *old.RefreshToken); again.Session.Assurance() != auth.AAL1 {
			t.Error("the session was raised")
		}
		for name, in := range map[string]signin.ReauthenticateInput{
			"a wrong code": {Totp: new("000000")}, "no code": {Totp: new("")}, "a wrong recovery code": {RecoveryCode: new("AAAA")},
		} {
			if _, err := f.Reauthenticate(f.As(t, p.AccessToken), in); authtest.Code(err) != "INVALID_CREDENTIALS" {
				t.Errorf("%s: %v", name, err)
			}
		}
		bob := f.signup(t, "bob")
		if _, err := f.Reauthenticate(f.As(t, bob.AccessToken), signin.ReauthenticateInput{Totp: new(a.code(f))}); authtest.Code(err) != "INVALID_CREDENTIALS" {
			t.Errorf("a user without a factor: %v", err)
		}
	})
}

// TestRemovalLowersTokens removes a factor while an access token has been raised by it.
func TestRemovalLowersTokens(t *testing.T) {
	t.Parallel()
	highest := &auth.Rule{Requires: forUser.Requires, Check: auth.CheckSession, Assurance: auth.RequireHighest}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), highest, nil)); got != "" {
			t.Errorf("HIGHEST without a factor: %q", got)
		}
		a := f.setUpTOTP(t, ada.AccessToken)
		if got := authtest.Code(f.Authorize(f.As(t, ada.AccessToken), highest, nil)); got != "STEP_UP_REQUIRED" {
			t.Errorf("HIGHEST before the step-up: %q", got)
		}
		raised, err := f.Reauthenticate(f.As(t, ada.AccessToken), signin.ReauthenticateInput{Totp: new(a.next(f))})
		if err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(time.Minute)
		if _, err := f.Domain.Factors.RemoveTotp(f.As(t, raised.AccessToken)); err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(time.Minute)
		second := f.setUpTOTP(t, ada.AccessToken)
		if got := authtest.Code(f.Authorize(f.As(t, raised.AccessToken), highest, nil)); got != "STEP_UP_REQUIRED" {
			t.Errorf("a token that was raised by the removed factor: %q", got)
		}
		raised, err = f.Reauthenticate(f.As(t, ada.AccessToken), signin.ReauthenticateInput{Totp: new(second.next(f))})
		if err != nil {
			t.Fatal(err)
		}
		if got := authtest.Code(f.Authorize(f.As(t, raised.AccessToken), highest, nil)); got != "" {
			t.Errorf("a token that was raised by the new factor: %q", got)
		}
	})
}

// TestTotpSetup tries set-ups that must not succeed.
func TestTotpSetup(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, other := f.signup(t, "ada"), f.login(t, "ada")
		confirm := func(bearer, code string) string {
			_, err := f.Domain.Factors.ConfirmTotpSetup(f.As(t, bearer), factors.ConfirmTotpSetupInput{Code: code})
			return authtest.Code(err)
		}
		begin := func(bearer string) *app {
			t.Helper()
			p, err := f.Domain.Factors.BeginTotpSetup(f.As(t, bearer))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(p.OtpauthURI, "otpauth://totp/Usher:ada?") || !strings.HasPrefix(p.QRCodeSvg, "<svg") {
				t.Errorf("%s, %s", p.OtpauthURI, p.QRCodeSvg)
			}
			seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(p.Key)
			if err != nil {
				t.Fatal(err)
			}
			return &app{Seed: seed}
		}
		const none, wrong = "BAD_USER_INPUT code=EXPIRED", "BAD_USER_INPUT code=INCORRECT"
		if got := confirm(ada.AccessToken, "123456"); got != none {
			t.Errorf("without a set-up: %q", got)
		}
		first := begin(ada.AccessToken)
		if got := confirm(other.AccessToken, first.code(f)); got != none {
			t.Errorf("in another session: %q", got)
		}
		second := begin(ada.AccessToken)
		if got := confirm(ada.AccessToken, first.code(f)); got != wrong {
			t.Errorf("the first of two set-ups: %q", got)
		}
		f.Clock.Advance(10 * time.Minute)
		if got := confirm(ada.AccessToken, second.code(f)); got != none {
			t.Errorf("an expired set-up: %q", got)
		}
		third := begin(ada.AccessToken)
		for range 5 {
			if got := confirm(ada.AccessToken, "12345"); got != wrong {
				t.Errorf("a wrong code: %q", got)
			}
		}
		if got := confirm(ada.AccessToken, third.code(f)); got != none {
			t.Errorf("after five attempts: %q", got)
		}
		if len(f.user(t, ada.User.ID).Factors) != 0 {
			t.Error("a failed set-up has added a factor")
		}
		fourth := begin(ada.AccessToken)
		inOther := begin(other.AccessToken)
		answers := together(
			func() string { return confirm(ada.AccessToken, fourth.code(f)) },
			func() string { return confirm(ada.AccessToken, fourth.code(f)) },
			func() string { return confirm(other.AccessToken, inOther.code(f)) },
		)
		if answers[""] != 1 {
			t.Errorf("answers %v, want one set-up", answers)
		}
		_, err := f.Domain.Factors.BeginTotpSetup(f.As(t, ada.AccessToken))
		if got := authtest.Code(err); got != "BAD_USER_INPUT totp=TAKEN" {
			t.Errorf("a second app: %q", got)
		}
	})
}

// TestResetWithFactor resets the password of an account with a second factor. A mail does not replace the factor.
func TestResetWithFactor(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupEmail(t, "ada", adaAddress)
		a := f.setUpTOTP(t, ada.AccessToken)
		f.markVerified(t, ada.User.ID)
		f.NewMails(t)
		m, _ := f.resetMail(t)
		in := withToken(m, otherPassword)
		in.Session = new(signin.TransportToken)
		p, err := f.ResetPassword(t.Context(), in)
		if err != nil || p.Auth != nil {
			t.Fatalf("ResetPassword: %+v, %v", p, err)
		}
		_, err = f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: otherPassword})
		var second *auth.Error
		if !errors.As(err, &second) || second.Code != auth.CodeSecondFactorRequired {
			t.Fatalf("Login: %v", err)
		}
		if got := f.complete(t.Context(), signin.CompleteLoginInput{Challenge: second.Continue.Token, Totp: new(a.next(f))}); got != "" {
			t.Errorf("CompleteLogin: %q", got)
		}
	})
}

// TestSquatterWithFactor takes an account over whose address nobody has confirmed. What a stranger has set up there goes.
func TestSquatterWithFactor(t *testing.T) {
	t.Parallel()
	for name, confirm := range map[string]func(t *testing.T, f *fixture, bearer string) error{
		"resetPassword": func(t *testing.T, f *fixture, _ string) error {
			t.Helper()
			m, _ := f.resetMail(t)
			in := withToken(m, otherPassword)
			in.Session = new(signin.TransportToken)
			p, err := f.ResetPassword(t.Context(), in)
			if err == nil && p.Auth == nil {
				t.Error("the owner is not signed in")
			}
			return err
		},
		"verifyEmail": func(t *testing.T, f *fixture, bearer string) error {
			t.Helper()
			if _, err := f.RequestEmailVerification(f.As(t, bearer)); err != nil {
				return err
			}
			m := f.NewMail(t, "verify-email", adaAddress)
			_, err := f.VerifyEmail(t.Context(), recovery.VerifyEmailInput{Token: &m.Token})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				squatter := f.signupEmail(t, "ada", adaAddress)
				f.setUpTOTP(t, squatter.AccessToken)
				f.NewMails(t)
				if err := confirm(t, f, squatter.AccessToken); err != nil {
					t.Fatal(err)
				}
				f.newMailTo(t, "factor-removed", adaAddress)
				if got := f.user(t, squatter.User.ID); len(got.Factors) != 0 || !got.HasVerifiedEmail() {
					t.Errorf("the account still has %v, and its address is verified: %t", got.Factors, got.HasVerifiedEmail())
				}
			})
		})
	}
}

// TestFactorSecrets looks for the secrets of a set-up in the log and in the database.
func TestFactorSecrets(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		a := f.setUpTOTP(t, ada.AccessToken)
		challenge := f.begin(t)
		f.complete(t.Context(), signin.CompleteLoginInput{Challenge: challenge, RecoveryCode: &a.codes[0]})
		stored, err := f.Store.Factors(t.Context(), ada.User.ID)
		if err != nil {
			t.Fatal(err)
		}
		text := fmt.Sprintf("%+v", stored) + f.Log.Take()
		for _, secret := range append([]string{a.Base32(), string(a.Seed), challenge}, a.codes...) {
			if strings.Contains(text, secret) || strings.Contains(text, strings.ReplaceAll(secret, "-", "")) {
				t.Errorf("%q is in the log or in the database", secret)
			}
		}
	})
}

// TestTokenWithoutLevel is a token of a server of the previous release: it has one factor.
func TestTokenWithoutLevel(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signup(t, "ada")
		bearer, err := f.Tokens.Sign(token.Claims{
			Audience: issuer, Subject: ada.User.ID.String(), SessionID: ada.Session.ID.String(), ClientID: "usher",
			AuthTime: f.Clock.Now(), Roles: []string{"USER"}, Methods: []string{"pwd"},
		})
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for name, rule := range map[string]*auth.Rule{
			"AAL2":          {Requires: forUser.Requires, Check: auth.CheckSession, Assurance: auth.RequireAAL2},
			"AAL2 by token": {Requires: forUser.Requires, Check: auth.CheckToken, Assurance: auth.RequireAAL2},
			"HIGHEST":       {Requires: forUser.Requires, Check: auth.CheckSession, Assurance: auth.RequireHighest},
		} {
			got[name] = authtest.Code(f.Authorize(f.As(t, bearer), rule, nil))
		}
		want := map[string]string{"AAL2": "SECOND_FACTOR_SETUP_REQUIRED", "AAL2 by token": "STEP_UP_REQUIRED", "HIGHEST": ""}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
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
