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
)

// verificationMail requests a verification in a session of ada and returns the mail.
func (f *fixture) verificationMail(t testing.TB, bearer string) mail.Message {
	t.Helper()
	if _, err := f.RequestEmailVerification(f.As(t, bearer)); err != nil {
		t.Fatal(err)
	}
	return f.NewMail(t, "verify-email", adaAddress)
}

func verifyByCode(email, code string) recovery.VerifyEmailInput {
	return recovery.VerifyEmailInput{Email: &email, Code: &code}
}

// verify returns the code of the error.
func (f *fixture) verify(ctx context.Context, in recovery.VerifyEmailInput) string {
	_, err := f.VerifyEmail(ctx, in)
	return authtest.Code(err)
}

// TestVerifyEmail verifies an address for the first time. Somebody else may have created the account, so what was there
// before ends, unless the request is signed in as the account.
func TestVerifyEmail(t *testing.T) {
	t.Parallel()
	const removed, verified = true, "EMAIL_VERIFIED of ada"
	inputs := map[string]func(m mail.Message) recovery.VerifyEmailInput{
		"by token": func(m mail.Message) recovery.VerifyEmailInput { return recovery.VerifyEmailInput{Token: &m.Token} },
		"by code":  func(m mail.Message) recovery.VerifyEmailInput { return verifyByCode("Ada@EXAMPLE.com", m.Code) },
	}
	for name, tt := range map[string]struct {
		as      func(t *testing.T, f *fixture, ada *signin.AuthPayload) context.Context
		removed bool
		own     string // what the session of the request is afterwards
		event   string
	}{
		"signed in": {
			func(t *testing.T, f *fixture, ada *signin.AuthPayload) context.Context {
				return f.As(t, ada.AccessToken)
			},
			!removed, "", "EMAIL_VERIFIED by ada of ada in a session",
		},
		"anonymous": {
			func(t *testing.T, _ *fixture, _ *signin.AuthPayload) context.Context { return t.Context() },
			removed, ended, verified,
		},
		"as another user": {
			func(t *testing.T, f *fixture, _ *signin.AuthPayload) context.Context {
				return f.As(t, f.signup(t, "eve").AccessToken)
			},
			removed, ended, verified,
		},
		"with an expired token": {
			func(t *testing.T, f *fixture, ada *signin.AuthPayload) context.Context {
				f.Clock.Advance(8 * time.Minute)
				ctx := f.As(t, ada.AccessToken+"x")
				return ctx
			},
			removed, ended, verified,
		},
		"in a session that has ended": {
			func(t *testing.T, f *fixture, ada *signin.AuthPayload) context.Context {
				f.EndSession(t, ada.Session)
				return f.As(t, ada.AccessToken)
			},
			removed, ended, verified,
		},
		"in a session that ends": { // after the guard has found it valid
			func(t *testing.T, f *fixture, ada *signin.AuthPayload) context.Context {
				ctx := f.As(t, ada.AccessToken)
				if _, err := f.Me(ctx); err != nil {
					t.Fatal(err)
				}
				f.EndSession(t, ada.Session)
				return ctx
			},
			removed, ended, verified,
		},
	} {
		for by, input := range inputs {
			t.Run(fmt.Sprint(name, by), func(t *testing.T) {
				t.Parallel()
				eachDatabase(t, func(t *testing.T, f *fixture) {
					ada := f.signupEmail(t, "ada", adaAddress)
					other := f.login(t, "ada")
					pending := auth.Email{Address: new(adaAddress), Key: new(adaAddress), Pending: new("new@example.com")}
					if err := f.Store.SetEmail(t.Context(), ada.User.ID, pending, f.Clock.Now()); err != nil {
						t.Fatal(err)
					}
					reset, _ := f.resetMail(t)
					m := f.verificationMail(t, ada.AccessToken)
					if m.LinkExpires.Sub(f.Clock.Now()) != 24*time.Hour || m.CodeExpires.Sub(f.Clock.Now()) != 10*time.Minute {
						t.Errorf("the link expires at %v and the code at %v", m.LinkExpires, m.CodeExpires)
					}
					ctx := tt.as(t, f, ada)
					f.NewEvents(t)
					got, err := f.VerifyEmail(ctx, input(m))
					if err != nil {
						t.Fatal(err)
					}
					if diff := cmp.Diff(&recovery.VerifyEmailPayload{Email: adaAddress, PasswordRemoved: tt.removed}, got); diff != "" {
						t.Errorf("answer (-want +got):\n%s", diff)
					}
					f.WantEvents(t, tt.event)
					for name, session := range map[string]struct{ bearer, want string }{
						"of the request": {ada.AccessToken, tt.own}, "other": {other.AccessToken, ended},
					} {
						if got := authtest.Code(f.Authorize(f.As(t, session.bearer), forUser, nil)); got != session.want {
							t.Errorf("the session %s: %q, want %q", name, got, session.want)
						}
					}
					want := ""
					if tt.removed {
						want = wrong
					}
					if got := f.tryLogin(t.Context(), "ada", authtest.Password); got != want {
						t.Errorf("login: %q, want %q", got, want)
					}
					if tt.own == "" {
						if u, err := f.Me(ctx); err != nil || u.EmailVerifiedAt == nil {
							t.Errorf("the rest of the request sees %+v, %v", u, err)
						}
					}
					u, err := f.Store.User(t.Context(), ada.User.ID)
					if err != nil || u.EmailVerifiedAt == nil || u.PendingEmail != nil {
						t.Errorf("%+v, %v, want a verified address and no pending one", u, err)
					}
					if got := f.verify(ctx, recovery.VerifyEmailInput{Token: &m.Token}); got != wrongToken {
						t.Errorf("the token again: %q", got)
					}
					if got := f.reset(t.Context(), withToken(reset, otherPassword)); got != wrongToken {
						t.Errorf("the reset that was requested before: %q", got)
					}

					// The owner chooses a password.
					reset, _ = f.resetMail(t)
					if got := f.reset(t.Context(), withToken(reset, otherPassword)); got != "" {
						t.Errorf("reset: %q", got)
					}
					if got := f.tryLogin(t.Context(), adaAddress, otherPassword); got != "" {
						t.Errorf("login after the reset: %q", got)
					}
				})
			})
		}
	}
}

func TestVerifyEmailRefused(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupEmail(t, "ada", adaAddress)
		f.signupEmail(t, "eve", "eve@example.com")
		replaced := f.verificationMail(t, ada.AccessToken)
		m := f.verificationMail(t, ada.AccessToken)
		reset, _ := f.resetMail(t)
		f.NewEvents(t)
		before := f.state(t)
		for name, tt := range map[string]struct {
			in     recovery.VerifyEmailInput
			want   string
			events []string
		}{
			"neither":              {recovery.VerifyEmailInput{}, "BAD_USER_INPUT input=REQUIRED", nil},
			"both":                 {recovery.VerifyEmailInput{Token: &m.Token, Email: new(adaAddress), Code: &m.Code}, "BAD_USER_INPUT input=REQUIRED", nil},
			"no address":           {recovery.VerifyEmailInput{Code: &m.Code}, "BAD_USER_INPUT email=REQUIRED", nil},
			"a replaced token":     {recovery.VerifyEmailInput{Token: &replaced.Token}, wrongToken, nil},
			"the token of a reset": {recovery.VerifyEmailInput{Token: &reset.Token}, wrongToken, nil},
			"a wrong code":         {verifyByCode(adaAddress, otherCode(m.Code, 0)), wrongCode, []string{"MAILED_CODE_FAILED of ada"}},
			"another address":      {verifyByCode("eve@example.com", m.Code), wrongCode, []string{"MAILED_CODE_FAILED"}},
			"an unknown address":   {verifyByCode("nobody@example.com", m.Code), wrongCode, []string{"MAILED_CODE_FAILED"}},
			"no valid address":     {verifyByCode("nobody", m.Code), wrongCode, []string{"MAILED_CODE_FAILED"}},
			"an empty address":     {verifyByCode("", m.Code), wrongCode, []string{"MAILED_CODE_FAILED"}},
		} {
			if got := f.verify(f.As(t, ada.AccessToken), tt.in); got != tt.want {
				t.Errorf("%s: %q, want %q", name, got, tt.want)
			}
			f.WantEvents(t, tt.events...)
		}
		if diff := cmp.Diff(before, f.state(t)); diff != "" {
			t.Errorf("something was written (-before +after):\n%s", diff)
		}
		f.Clock.Advance(10 * time.Minute)
		if got := f.verify(t.Context(), verifyByCode(adaAddress, m.Code)); got != wrongCode {
			t.Errorf("the code after ten minutes: %q", got)
		}
		f.Clock.Advance(24*time.Hour - 10*time.Minute)
		if got := f.verify(t.Context(), recovery.VerifyEmailInput{Token: &m.Token}); got != "BAD_USER_INPUT token=EXPIRED" {
			t.Errorf("the token after a day: %q", got)
		}
	})
}

// TestVerifyEmailRace presents one secret many times at once. Exactly one request succeeds.
func TestVerifyEmailRace(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada := f.signupEmail(t, "ada", adaAddress)
		m := f.verificationMail(t, ada.AccessToken)
		f.NewEvents(t)
		var group []func() string
		for range 4 {
			group = append(group, func() string { return f.verify(t.Context(), recovery.VerifyEmailInput{Token: &m.Token}) })
		}
		if diff := cmp.Diff(map[string]int{"": 1, wrongToken: 3}, together(group...)); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		f.WantEvents(t, "EMAIL_VERIFIED of ada")
	})
}

func TestRequestEmailVerification(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		nobody := f.signup(t, "nobody")
		if _, err := f.RequestEmailVerification(f.As(t, nobody.AccessToken)); authtest.Code(err) != "BAD_USER_INPUT email=REQUIRED" {
			t.Errorf("without an address: %v", err)
		}
		ada := f.signupEmail(t, "ada", adaAddress)
		f.NewEvents(t)
		m := f.verificationMail(t, ada.AccessToken)
		f.WantEvents(t, "EMAIL_VERIFICATION_REQUESTED by ada of ada in a session")
		if _, err := f.RequestEmailVerification(f.As(t, ada.AccessToken)); err != nil {
			t.Fatal(err)
		}
		if got := f.verify(f.As(t, ada.AccessToken), recovery.VerifyEmailInput{Token: &m.Token}); got != "" {
			t.Fatal(got)
		}
		if mails := f.NewMails(t); mails != nil { // of the second request
			t.Errorf("mails %v to an address that is verified", mails)
		}
		f.NewEvents(t)
		got, err := f.RequestEmailVerification(f.As(t, ada.AccessToken))
		if err != nil || got.User.EmailVerifiedAt == nil {
			t.Errorf("once verified: %+v, %v", got, err)
		}
		f.WantEvents(t)
		if mails := f.NewMails(t); mails != nil {
			t.Errorf("mails %v to an address that is verified", mails)
		}
	})
}
