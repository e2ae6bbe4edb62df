package auth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/mail"
	"usher/internal/password"
)

// TestLoginWithCode signs in to an account whose address is verified. Nothing else of the account changes.
func TestLoginWithCode(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]func(m mail.Message, flow string) signin.LoginWithCodeInput{
		"by link": func(m mail.Message, flow string) signin.LoginWithCodeInput { return loginByLink(m.Token, flow) },
		"by code": func(m mail.Message, _ string) signin.LoginWithCodeInput {
			return loginByCode("Ada@EXAMPLE.com", m.Code)
		},
		"by code with the flow": func(m mail.Message, flow string) signin.LoginWithCodeInput {
			in := loginByCode(adaAddress, m.Code)
			in.Flow = &flow
			return in
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				ada := f.verifiedAda(t)
				for range 10 {
					f.tryLogin(t.Context(), "ada", "wrong")
				}
				m, flow := f.loginMail(t)
				f.NewEvents(t)
				in := input(m, flow)
				got, err := f.LoginWithCode(t.Context(), in)
				if err != nil {
					t.Fatal(err)
				}
				f.WantEvents(t, "LOGIN by ada of ada in a session")
				if want := []auth.Method{auth.MethodEmailCode}; !slices.Equal(got.Session.Methods, want) || got.Session.Assurance() != auth.AAL1 {
					t.Errorf("methods %v at %s, want %v at AAL1", got.Session.Methods, got.Session.Assurance(), want)
				}
				if got.RefreshToken == nil || got.DeviceToken == nil || got.User.ID != ada.User.ID || got.User.LastSignInAt == nil {
					t.Errorf("answer %+v", got)
				}
				for what, bearer := range map[string]string{"the new session": got.AccessToken, "the session before": ada.AccessToken} {
					if got := authtest.Code(f.Authorize(f.As(t, bearer), forUser, nil)); got != "" {
						t.Errorf("%s: %q", what, got)
					}
				}
				want := wrongCode
				if in.Token != nil {
					want = wrongToken
				}
				if got := f.tryLoginWithCode(t.Context(), in); got != want {
					t.Errorf("a second use: %q, want %q", got, want)
				}
				// A mail clears no counter of wrong passwords.
				if got := f.tryLogin(t.Context(), "ada", authtest.Password); got == "" {
					t.Error("the failed attempts at the password are forgotten")
				}
				if mails := f.NewMails(t); mails != nil {
					t.Errorf("mails %v", mails)
				}
			})
		})
	}
}

// TestLoginWithCodeRefused presents what signs nobody in. It uses nothing up.
func TestLoginWithCodeRefused(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.verifiedAda(t)
		f.markVerified(t, f.signupEmail(t, "eve", "eve@example.com").User.ID)
		old, oldFlow := f.loginMail(t)
		eveFlow := f.requestLoginCode(t, "eve@example.com")
		eves := f.NewMail(t, "login-code", "eve@example.com")
		f.requestReset(t, "ada")
		reset := f.NewMail(t, "reset-password", adaAddress)
		f.Clock.Advance(time.Second)
		m, flow := f.loginMail(t)
		with := func(in signin.LoginWithCodeInput, flow string) signin.LoginWithCodeInput {
			in.Flow = &flow
			return in
		}
		// More wrong codes than five would use the code up.
		for name, tt := range map[string]struct {
			in   signin.LoginWithCodeInput
			want string
		}{
			"nothing":                     {signin.LoginWithCodeInput{Flow: &flow, Email: new(adaAddress)}, "BAD_USER_INPUT input=REQUIRED"},
			"both":                        {signin.LoginWithCodeInput{Token: &m.Token, Flow: &flow, Email: new(adaAddress), Code: &m.Code}, "BAD_USER_INPUT input=REQUIRED"},
			"a code without the address":  {signin.LoginWithCodeInput{Code: &m.Code, Flow: &flow}, "BAD_USER_INPUT email=REQUIRED"},
			"a link without the flow":     {signin.LoginWithCodeInput{Token: &m.Token}, "BAD_USER_INPUT flow=REQUIRED"},
			"a link with an empty flow":   {loginByLink(m.Token, ""), wrongFlow},
			"a link with another flow":    {loginByLink(m.Token, eveFlow), wrongFlow},
			"a link with an earlier flow": {loginByLink(m.Token, oldFlow), wrongFlow},
			"a code with another flow":    {with(loginByCode(adaAddress, m.Code), eveFlow), wrongCode},
			"a code of another address":   {loginByCode("eve@example.com", otherCode(eves.Code, 0)), wrongCode},
			"no address":                  {loginByCode("ada", m.Code), wrongCode},
			"a wrong code":                {loginByCode(adaAddress, otherCode(m.Code, 0)), wrongCode},
			"a link that was replaced":    {loginByLink(old.Token, oldFlow), wrongToken},
			"a link to reset":             {loginByLink(reset.Token, flow), wrongToken},
			"garbage":                     {loginByLink("garbage", flow), wrongToken},
		} {
			if got := f.tryLoginWithCode(t.Context(), tt.in); got != tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
		}
		if got := f.reset(t.Context(), withToken(mail.Message{Token: m.Token}, otherPassword)); got != wrongToken {
			t.Errorf("a reset with the link: %q", got)
		}
		if got := f.verify(t.Context(), verifyByCode(adaAddress, m.Code)); got != wrongCode {
			t.Errorf("a verification with the code: %q", got)
		}
		if got := f.tryLoginWithCode(t.Context(), loginByLink(m.Token, flow)); got != "" {
			t.Errorf("the right link: %q", got)
		}

		m, flow = f.loginMail(t)
		f.Clock.Advance(10 * time.Minute)
		if got := f.tryLoginWithCode(t.Context(), loginByLink(m.Token, flow)); got != "BAD_USER_INPUT token=EXPIRED" {
			t.Errorf("an expired link: %q", got)
		}
		if got := f.tryLoginWithCode(t.Context(), loginByCode(adaAddress, m.Code)); got != wrongCode {
			t.Errorf("an expired code: %q", got)
		}
		m, flow = f.loginMail(t)
		ada := f.login(t, "ada")
		if got := f.changePassword(f.As(t, ada.AccessToken), authtest.Password, otherPassword); got != "" {
			t.Fatal(got)
		}
		if got := f.tryLoginWithCode(t.Context(), loginByLink(m.Token, flow)); got != wrongToken {
			t.Errorf("a link from before the password was changed: %q", got)
		}
	})
}

// TestLoginWithCodeTries guesses codes until the right one is not valid either. The link is.
func TestLoginWithCodeTries(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.verifiedAda(t)
		m, flow := f.loginMail(t)
		f.NewEvents(t)
		for i := range 5 {
			if got := f.tryLoginWithCode(t.Context(), loginByCode(adaAddress, otherCode(m.Code, i))); got != wrongCode {
				t.Errorf("guess %d: %q", i, got)
			}
		}
		f.WantEvents(t, slices.Repeat([]string{"MAILED_CODE_FAILED of ada"}, 5)...)
		if got := f.tryLoginWithCode(t.Context(), loginByCode(adaAddress, m.Code)); got != wrongCode {
			t.Errorf("the right code after five wrong ones: %q", got)
		}
		if got := f.tryLoginWithCode(t.Context(), loginByLink(m.Token, flow)); got != "" {
			t.Errorf("the link: %q", got)
		}
	})
}

// TestLoginWithCodeRace presents one secret a hundred times at once. Exactly one request is signed in.
func TestLoginWithCodeRace(t *testing.T) {
	t.Parallel()
	for name, refused := range map[string]string{"link": wrongToken, "code": wrongCode} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				f.verifiedAda(t)
				m, flow := f.loginMail(t)
				in := loginByLink(m.Token, flow)
				if name == "code" {
					in = loginByCode(adaAddress, m.Code)
				}
				uses := slices.Repeat([]func() string{func() string { return f.tryLoginWithCode(t.Context(), in) }}, 100)
				if diff := cmp.Diff(map[string]int{"": 1, refused: 99}, together(uses...)); diff != "" {
					t.Errorf("answers (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestLoginWithCodeClaims signs in to an account whose address nobody has verified. Somebody else may have created it, so
// they can no longer get in.
func TestLoginWithCodeClaims(t *testing.T) {
	t.Parallel()
	for _, kind := range []auth.CredentialKind{"", auth.CredentialTOTP, auth.CredentialPasskey} {
		t.Run(fmt.Sprint("factor ", kind), func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				squatter := f.signupEmail(t, "ada", adaAddress)
				verification := f.verificationMail(t, squatter.AccessToken)
				events := []string{"EMAIL_VERIFIED of ada", "LOGIN by ada of ada in a session"}
				if kind != "" {
					f.addFactor(t, squatter.User.ID, kind)
					events = []string{"EMAIL_VERIFIED of ada", "FACTOR_REMOVED of ada", "LOGIN by ada of ada in a session"}
				}
				m, flow := f.loginMail(t)
				f.NewEvents(t)
				got, err := f.LoginWithCode(t.Context(), loginByLink(m.Token, flow))
				if err != nil {
					t.Fatal(err)
				}
				f.WantEvents(t, events...)
				if u := got.User; u.EmailVerifiedAt == nil || len(u.Factors) != 0 {
					t.Errorf("the user is %+v", u)
				}
				if got := authtest.Code(f.Authorize(f.As(t, squatter.AccessToken), forUser, nil)); got != ended {
					t.Errorf("the session before: %q", got)
				}
				if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != wrong {
					t.Errorf("the password before: %q", got)
				}
				if got := f.verify(t.Context(), verifyByCode(adaAddress, verification.Code)); got != wrongCode {
					t.Errorf("a secret that was mailed before: %q", got)
				}
				if kind != "" {
					f.NewMail(t, "factor-removed", adaAddress)
				}
			})
		})
	}
}

// TestLoginWithCodeSecondFactor signs in to an account with a second factor. The mail alone does not, and is used up.
func TestLoginWithCodeSecondFactor(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.verifiedAda(t)
		f.addFactor(t, ada.User.ID, auth.CredentialTOTP)
		m, flow := f.loginMail(t)
		f.NewEvents(t)
		in := loginByLink(m.Token, flow)
		_, err := f.LoginWithCode(t.Context(), in)
		e := new(auth.Error)
		if !errors.As(err, &e) || e.Code != auth.CodeSecondFactorRequired || e.Continue == nil || e.Continue.Browser != "" ||
			!slices.Equal(e.Methods, []auth.AuthMethod{auth.AuthMethodTOTP, auth.AuthMethodRecoveryCode}) {
			t.Fatalf("LoginWithCode: %+v", err)
		}
		f.WantEvents(t, "SECOND_FACTOR_REQUIRED of ada")
		if got := f.tryLoginWithCode(t.Context(), in); got != wrongToken {
			t.Errorf("a second use: %q", got)
		}
		again, _ := f.loginMail(t)
		complete := func(code string) (*signin.AuthPayload, error) {
			return f.CompleteLogin(t.Context(), signin.CompleteLoginInput{Challenge: e.Continue.Token, RecoveryCode: &code})
		}
		if _, err := complete(again.Code); authtest.Code(err) != wrong {
			t.Errorf("another mailed code as the second factor: %v", err)
		}
		got, err := complete(recoveryCode)
		if err != nil {
			t.Fatal(err)
		}
		if want := []auth.Method{auth.MethodEmailCode, auth.MethodRecoveryCode}; !slices.Equal(got.Session.Methods, want) || got.Session.Assurance() != auth.AAL2 {
			t.Errorf("methods %v at %s, want %v at AAL2", got.Session.Methods, got.Session.Assurance(), want)
		}
	})
}

// TestLoginWithCodeDisabled disables an account whose owner has a mail. Only who has read it learns that.
func TestLoginWithCodeDisabled(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.verifiedAda(t)
		m, flow := f.loginMail(t)
		if err := f.Store.SetDisabled(t.Context(), ada.User.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		f.NewEvents(t)
		const disabled = "UNAUTHENTICATED ACCOUNT_DISABLED"
		for name, tt := range map[string]struct {
			in          signin.LoginWithCodeInput
			want, event string
		}{
			"the link":     {loginByLink(m.Token, flow), disabled, "LOGIN_FAILED of ada"},
			"the code":     {loginByCode(adaAddress, m.Code), disabled, "LOGIN_FAILED of ada"},
			"a wrong code": {loginByCode(adaAddress, otherCode(m.Code, 0)), wrongCode, "MAILED_CODE_FAILED of ada"},
		} {
			if got := f.tryLoginWithCode(t.Context(), tt.in); got != tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
			f.WantEvents(t, tt.event)
		}
	})
}

// TestReauthenticateByMail confirms an identity with a mailed code. It never makes a second factor.
func TestReauthenticateByMail(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.verifiedAda(t)
		bare := f.signup(t, "bare")
		f.markVerified(t, f.signupEmail(t, "eve", "eve@example.com").User.ID)
		f.requestLoginCode(t, "eve@example.com")
		eves := f.NewMail(t, "login-code", "eve@example.com")
		m, _ := f.loginMail(t)
		f.NewEvents(t)
		try := func(ctx context.Context, code string) string {
			_, err := f.Reauthenticate(ctx, signin.ReauthenticateInput{EmailCode: &code})
			return authtest.Code(err)
		}
		ctx := f.As(t, ada.AccessToken)
		if got := try(ctx, otherCode(m.Code, 0)); got != wrong {
			t.Errorf("a wrong code: %q", got)
		}
		f.WantEvents(t, "MAILED_CODE_FAILED by ada of ada in a session")
		if eves.Code != m.Code {
			if got := try(ctx, eves.Code); got != wrong {
				t.Errorf("the code of another user: %q", got)
			}
		}
		if got := try(f.As(t, bare.AccessToken), m.Code); got != wrong {
			t.Errorf("a user without an address: %q", got)
		}
		f.NewEvents(t)
		f.Clock.Advance(2 * time.Minute)
		got, err := f.Reauthenticate(ctx, signin.ReauthenticateInput{EmailCode: &m.Code})
		if err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t, "REAUTHENTICATED by ada of ada in a session")
		if got := authtest.Code(f.Authorize(f.As(t, got.AccessToken), recent, nil)); got != "" {
			t.Errorf("the new token: %q", got)
		}
		if claims, err := f.Tokens.Verify(got.AccessToken); err != nil || claims.Assurance != "AAL1" {
			t.Errorf("claims %+v, %v, want AAL1", claims, err)
		}
		if got := try(ctx, m.Code); got != wrong {
			t.Errorf("a second use: %q", got)
		}
		if got := f.tryReauthenticate(ctx, password.Plaintext(authtest.Password)); got != "" {
			t.Errorf("the password: %q", got)
		}
		m, _ = f.loginMail(t)
		for name, methods := range map[string][]auth.Method{
			"two factors": {auth.MethodPassword, auth.MethodTOTP}, "a factor that a mail would complete": {auth.MethodPasskeyPresence},
		} {
			now := f.Clock.Now().Truncate(time.Microsecond)
			s := &auth.Session{ID: uuid.New(), UserID: ada.User.ID, AuthTime: now, Methods: methods, CreatedAt: now, LastUsedAt: now, ExpiresAt: now.Add(time.Hour)}
			if err := f.Store.CreateSession(t.Context(), s, nil); err != nil {
				t.Fatal(err)
			}
			if got := try(f.As(t, f.sign(t, ada.User.ID, s.ID)), m.Code); got != "STEP_UP_REQUIRED" {
				t.Errorf("in a session with %s: %q", name, got)
			}
		}
	})
}
