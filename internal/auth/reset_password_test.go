package auth_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
	"usher/internal/mail"
	"usher/internal/password"
)

const (
	adaAddress = "ada@example.com"

	wrongToken = "BAD_USER_INPUT token=INCORRECT"
	wrongCode  = "BAD_USER_INPUT code=INCORRECT"
)

// signupEmail signs a user up with an address.
func (f *fixture) signupEmail(t testing.TB, username, email string) *signin.AuthPayload {
	t.Helper()
	p, err := f.Signup(device(t.Context()), signin.SignupInput{Username: &username, Email: &email, Password: authtest.Password})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// requestReset requests a reset and returns its flow.
func (f *fixture) requestReset(t testing.TB, identifier string) string {
	t.Helper()
	p, err := f.RequestPasswordReset(t.Context(), recovery.RequestPasswordResetInput{Identifier: identifier})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Flow) != 43 { // 256 bits
		t.Fatalf("the flow is %q", p.Flow)
	}
	return p.Flow
}

// resetMail requests a reset for ada, and returns the mail and the flow.
func (f *fixture) resetMail(t testing.TB) (m mail.Message, flow string) {
	t.Helper()
	flow = f.requestReset(t, "ada")
	return f.NewMail(t, "reset-password", adaAddress), flow
}

func withToken(m mail.Message, p password.Plaintext) signin.ResetPasswordInput {
	return signin.ResetPasswordInput{Token: &m.Token, Password: p}
}

func withCode(flow, code string, p password.Plaintext) signin.ResetPasswordInput {
	return signin.ResetPasswordInput{Flow: &flow, Code: &code, Password: p}
}

// reset returns the code of the error.
func (f *fixture) reset(ctx context.Context, in signin.ResetPasswordInput) string {
	_, err := f.ResetPassword(ctx, in)
	return authtest.Code(err)
}

// otherCode returns a code that differs from the one given, and from those of other i.
func otherCode(code string, i int) string {
	var n int
	fmt.Sscan(code, &n) //nolint:errcheck // six digits
	return fmt.Sprintf("%06d", (n+1+i)%1_000_000)
}

func TestResetPassword(t *testing.T) {
	t.Parallel()
	inputs := map[string]func(m mail.Message, flow string) signin.ResetPasswordInput{
		"by token": func(m mail.Message, _ string) signin.ResetPasswordInput { return withToken(m, otherPassword) },
		"by code": func(m mail.Message, flow string) signin.ResetPasswordInput {
			return withCode(flow, m.Code, otherPassword)
		},
	}
	for name, input := range inputs {
		for _, signsIn := range []bool{false, true} {
			t.Run(fmt.Sprint(name, signsIn), func(t *testing.T) {
				t.Parallel()
				eachDatabase(t, func(t *testing.T, f *fixture) {
					ada := f.signupEmail(t, "ada", adaAddress)
					other, eve := f.login(t, "ada"), f.signup(t, "eve")
					if _, err := f.RequestEmailVerification(f.As(t, ada.AccessToken)); err != nil {
						t.Fatal(err)
					}
					verification := f.NewMail(t, "verify-email", adaAddress)
					for range 10 {
						f.tryLogin(t.Context(), "ada", "wrong")
					}
					for range 5 {
						f.tryReauthenticate(f.As(t, ada.AccessToken), "wrong")
					}
					pending := auth.Email{Address: new(adaAddress), Key: new(adaAddress), Pending: new("new@example.com")}
					if err := f.Store.SetEmail(t.Context(), ada.User.ID, pending, f.Clock.Now()); err != nil {
						t.Fatal(err)
					}
					m, flow := f.resetMail(t)
					if m.LinkExpires.Sub(f.Clock.Now()) != time.Hour || m.CodeExpires.Sub(f.Clock.Now()) != 10*time.Minute {
						t.Errorf("the link expires at %v and the code at %v", m.LinkExpires, m.CodeExpires)
					}
					f.NewEvents(t)

					in := input(m, flow)
					if signsIn {
						in.Session = new(signin.TransportToken)
					}
					ctx := f.As(t, ada.AccessToken)
					got, err := f.ResetPassword(ctx, in)
					if err != nil {
						t.Fatal(err)
					}
					events := []string{"EMAIL_VERIFIED of ada", "PASSWORD_RESET of ada"}
					if signsIn {
						events = []string{"EMAIL_VERIFIED of ada", "LOGIN by ada of ada in a session", "PASSWORD_RESET of ada"}
					}
					f.WantEvents(t, events...)
					switch {
					case !signsIn && got.Auth != nil:
						t.Error("the user is signed in")
					case !signsIn:
						if _, err := f.Me(ctx); authtest.Code(err) != ended {
							t.Errorf("the rest of the request: %v, want it to be anonymous", err)
						}
					case got.Auth == nil:
						t.Fatal("the user is not signed in")
					default:
						if err := f.Authorize(f.As(t, got.Auth.AccessToken), forUser, nil); err != nil || got.Auth.User.EmailVerifiedAt == nil {
							t.Errorf("the new session: %v, %+v", err, got.Auth.User)
						}
						if diff := cmp.Diff([]auth.Method{auth.MethodPassword}, got.Auth.Session.Methods); diff != "" {
							t.Error(diff)
						}
						if got := f.tryReauthenticate(f.As(t, got.Auth.AccessToken), otherPassword); got != "" {
							t.Errorf("reauthenticate: %q, want cleared counters", got)
						}
					}
					for name, session := range map[string]struct{ bearer, want string }{
						"of the request": {ada.AccessToken, ended}, "other": {other.AccessToken, ended}, "of eve": {eve.AccessToken, ""},
					} {
						if got := authtest.Code(f.Authorize(f.As(t, session.bearer), forUser, nil)); got != session.want {
							t.Errorf("the session %s: %q, want %q", name, got, session.want)
						}
					}
					if got := f.tryLogin(t.Context(), "ada", otherPassword); got != "" {
						t.Errorf("login with the new password: %q", got)
					}
					if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != wrong {
						t.Errorf("login with the old password: %q", got)
					}
					u, err := f.Store.User(t.Context(), ada.User.ID)
					if err != nil || u.EmailVerifiedAt == nil || !u.EmailVerifiedAt.Equal(f.Clock.Now().UTC()) || u.PendingEmail != nil {
						t.Errorf("%+v, %v, want a verified address and no pending one", u, err)
					}
					notice := f.NewMail(t, "password-changed", adaAddress)
					if notice.Username != "ada" || notice.Token != "" || notice.Code != "" {
						t.Errorf("notice %+v", notice)
					}
					if _, err := f.VerifyEmail(t.Context(), recovery.VerifyEmailInput{Token: &verification.Token}); authtest.Code(err) != wrongToken {
						t.Errorf("the link of the verification: %v", err)
					}
					if got := f.reset(t.Context(), withToken(m, "six tiny yellow ostriches")); got != wrongToken {
						t.Errorf("the token again: %q", got)
					}
					if got := f.reset(t.Context(), withCode(flow, m.Code, "six tiny yellow ostriches")); got != wrongCode {
						t.Errorf("the code again: %q", got)
					}
				})
			})
		}
	}
}

// TestResetPasswordRefused presents what is not valid. Nothing is written but what a wrong code leaves.
func TestResetPasswordRefused(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupEmail(t, "ada", adaAddress)
		f.signupEmail(t, "eve", "eve@example.com")
		replaced, replacedFlow := f.resetMail(t)
		m, flow := f.resetMail(t)
		evesFlow := f.requestReset(t, "eve")
		eves := f.NewMail(t, "reset-password", "eve@example.com")
		nobodysFlow := f.requestReset(t, "nobody")
		f.NewMails(t)
		if _, err := f.RequestEmailVerification(f.As(t, ada.AccessToken)); err != nil {
			t.Fatal(err)
		}
		verification := f.NewMail(t, "verify-email", adaAddress)
		f.NewEvents(t)
		before := f.state(t)
		failed, failedAda, failedEve := []string{"MAILED_CODE_FAILED"}, []string{"MAILED_CODE_FAILED of ada"}, []string{"MAILED_CODE_FAILED of eve"}
		for name, tt := range map[string]struct {
			in     signin.ResetPasswordInput
			want   string
			events []string
		}{
			"neither":                 {signin.ResetPasswordInput{Password: otherPassword}, "BAD_USER_INPUT input=REQUIRED", nil},
			"a flow alone":            {signin.ResetPasswordInput{Flow: &flow, Password: otherPassword}, "BAD_USER_INPUT input=REQUIRED", nil},
			"both":                    {signin.ResetPasswordInput{Token: &m.Token, Code: &m.Code, Flow: &flow, Password: otherPassword}, "BAD_USER_INPUT input=REQUIRED", nil},
			"no flow":                 {signin.ResetPasswordInput{Code: &m.Code, Password: otherPassword}, "BAD_USER_INPUT flow=REQUIRED", nil},
			"an empty flow":           {withCode("", m.Code, otherPassword), "BAD_USER_INPUT flow=REQUIRED", nil},
			"no token":                {withToken(mail.Message{}, otherPassword), wrongToken, nil},
			"another token":           {withToken(mail.Message{Token: "x" + m.Token[1:]}, otherPassword), wrongToken, nil},
			"the code as a token":     {withToken(mail.Message{Token: m.Code}, otherPassword), wrongToken, nil},
			"a replaced token":        {withToken(replaced, otherPassword), wrongToken, nil},
			"of a verification":       {withToken(verification, otherPassword), wrongToken, nil},
			"a short password":        {withToken(m, "short"), "BAD_USER_INPUT password=TOO_SHORT", nil},
			"a short one, by code":    {withCode(flow, otherCode(m.Code, 0), "short"), "BAD_USER_INPUT password=TOO_SHORT", nil},
			"a common password":       {withToken(m, "password password"), "BAD_USER_INPUT password=TOO_COMMON", nil},
			"the address":             {withToken(m, adaAddress), "BAD_USER_INPUT password=TOO_COMMON", nil},
			"the address, by code":    {withCode(flow, m.Code, adaAddress), "BAD_USER_INPUT password=TOO_COMMON", nil},
			"a wrong code":            {withCode(flow, otherCode(m.Code, 0), otherPassword), wrongCode, failedAda},
			"of a replaced flow":      {withCode(replacedFlow, replaced.Code, otherPassword), wrongCode, failed},
			"with another flow":       {withCode(evesFlow, m.Code, otherPassword), wrongCode, failedEve},
			"another user's":          {withCode(flow, eves.Code, otherPassword), wrongCode, failedAda},
			"the flow of no account":  {withCode(nobodysFlow, m.Code, otherPassword), wrongCode, failed},
			"a flow that is none":     {withCode("none", m.Code, otherPassword), wrongCode, failed},
			"a cookie without origin": {signin.ResetPasswordInput{Token: &m.Token, Password: otherPassword, Session: new(signin.TransportCookie)}, "BAD_USER_INPUT session=INVALID_FORMAT", nil},
		} {
			if got := f.reset(t.Context(), tt.in); got != tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
			f.WantEvents(t, tt.events...)
		}
		if err := f.Store.SetDisabled(t.Context(), ada.User.ID, new(f.Clock.Now()), f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		for name, tt := range map[string]struct {
			in   signin.ResetPasswordInput
			want string
		}{"token": {withToken(m, otherPassword), wrongToken}, "code": {withCode(flow, m.Code, otherPassword), wrongCode}} {
			if got := f.reset(t.Context(), tt.in); got != tt.want {
				t.Errorf("%s of a disabled account: %q, want %q", name, got, tt.want)
			}
		}
		if err := f.Store.SetDisabled(t.Context(), ada.User.ID, nil, ada.User.UpdatedAt); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, f.state(t)); diff != "" {
			t.Errorf("something was written (-before +after):\n%s", diff)
		}
		if mails := f.NewMails(t); mails != nil {
			t.Errorf("mails %v", mails)
		}
		f.Clock.Advance(10 * time.Minute)
		if got := f.reset(t.Context(), withCode(evesFlow, eves.Code, otherPassword)); got != wrongCode {
			t.Errorf("a code after ten minutes: %q", got)
		}
		f.Clock.Advance(50*time.Minute - time.Microsecond)
		if got := f.reset(t.Context(), withToken(m, otherPassword)); got != "" {
			t.Errorf("the token within an hour: %q", got)
		}
		f.Clock.Advance(time.Microsecond)
		if got := f.reset(t.Context(), withToken(eves, otherPassword)); got != "BAD_USER_INPUT token=EXPIRED" {
			t.Errorf("a token after an hour: %q", got)
		}
	})
}

// TestResetPasswordOtherAddress changes the address after the mail. The secret was mailed to somebody else.
func TestResetPasswordOtherAddress(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupEmail(t, "ada", adaAddress)
		m, flow := f.resetMail(t)
		other := auth.Email{Address: new("lovelace@example.com"), Key: new("lovelace@example.com")}
		if err := f.Store.SetEmail(t.Context(), ada.User.ID, other, f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		if got := f.reset(t.Context(), withToken(m, otherPassword)); got != wrongToken {
			t.Errorf("token: %q", got)
		}
		if got := f.reset(t.Context(), withCode(flow, m.Code, otherPassword)); got != wrongCode {
			t.Errorf("code: %q", got)
		}
	})
}

// TestMailedSecretsDie changes the password in every way. Nothing that was mailed before is valid.
func TestMailedSecretsDie(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, f *fixture, ada *signin.AuthPayload){
		"changePassword": func(t *testing.T, f *fixture, ada *signin.AuthPayload) {
			if got := f.changePassword(f.As(t, ada.AccessToken), authtest.Password, otherPassword); got != "" {
				t.Fatal(got)
			}
		},
		"the operator": func(t *testing.T, f *fixture, ada *signin.AuthPayload) {
			if err := f.SetPassword(t.Context(), ada.User, otherPassword); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachDatabase(t, func(t *testing.T, f *fixture) {
				ada := f.signupEmail(t, "ada", adaAddress)
				if _, err := f.RequestEmailVerification(f.As(t, ada.AccessToken)); err != nil {
					t.Fatal(err)
				}
				verification := f.NewMail(t, "verify-email", adaAddress)
				m, flow := f.resetMail(t)
				change(t, f, ada)
				if got := f.reset(t.Context(), withToken(m, "six tiny yellow ostriches")); got != wrongToken {
					t.Errorf("the token of a reset: %q", got)
				}
				if got := f.reset(t.Context(), withCode(flow, m.Code, "six tiny yellow ostriches")); got != wrongCode {
					t.Errorf("the code of a reset: %q", got)
				}
				if _, err := f.VerifyEmail(t.Context(), recovery.VerifyEmailInput{Token: &verification.Token}); authtest.Code(err) != wrongToken {
					t.Errorf("the token of a verification: %v", err)
				}
				f.NewMail(t, "password-changed", adaAddress)
			})
		})
	}
}
