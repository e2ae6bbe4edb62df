package auth_test

import (
	"context"
	"encoding/base32"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/factors"
	"usher/internal/password"
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

// TestFactorAttempts guesses the codes of an account whose password is known. New sign-ins, right passwords and a reset of
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
