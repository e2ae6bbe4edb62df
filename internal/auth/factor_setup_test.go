package auth_test

import (
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/factors"
	"usher/internal/auth/recovery"
	"usher/internal/token"
)

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
