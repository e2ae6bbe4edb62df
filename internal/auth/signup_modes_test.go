package auth_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/recovery"
	"usher/internal/mail"
)

// signupMail requests a sign-up and returns the mail.
func (f *fixture) signupMail(t *testing.T, email string) mail.Message {
	t.Helper()
	if _, err := f.Domain.Recovery.RequestSignup(t.Context(), recovery.RequestSignupInput{Email: email}); err != nil {
		t.Fatal(err)
	}
	return f.NewMail(t, "sign-up", email)
}

// invitation invites somebody and returns the mail.
func (f *fixture) invitation(t *testing.T, by *signin.AuthPayload, email string, roles ...auth.Role) mail.Message {
	t.Helper()
	if _, err := f.adminService.InviteUser(f.As(t, by.AccessToken), admin.InviteUserInput{Email: email, Roles: roles}); err != nil {
		t.Fatal(err)
	}
	return f.NewMail(t, "invitation", email)
}

// TestSignupModes tries every way to get an account in every mode. What is refused has written nothing.
func TestSignupModes(t *testing.T) {
	t.Parallel()
	const notConfirmed, notInvited, closed = "EMAIL_CONFIRMATION_REQUIRED", "INVITATION_REQUIRED", "SIGNUP_CLOSED"
	const wrongToken, wrongCode = "BAD_USER_INPUT token=INCORRECT", "BAD_USER_INPUT code=INCORRECT"
	ways := []string{"signup", "signup with bad input", "requestSignup", "token", "code", "invitation", "inviteUser", "usher user invite", "createUser"}
	modes := map[auth.SignupMode][]string{
		"":                  {"", "BAD_USER_INPUT password=TOO_SHORT", "", "", "", "", "", "", ""},
		auth.SignupOpen:     {"", "BAD_USER_INPUT password=TOO_SHORT", "", "", "", "", "", "", ""},
		auth.SignupVerified: {notConfirmed, notConfirmed, "", "", "", "", "", "", ""},
		auth.SignupInvite:   {notInvited, notInvited, notInvited, wrongToken, wrongCode, "", "", "", ""},
		auth.SignupClosed:   {closed, closed, closed, closed, closed, closed, closed, closed, ""},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		for mode, want := range modes {
			d := f.NewDomain(t, domain.Options{Signup: mode})
			p := partsOf(d)
			if got := d.Accounts.SignupMode(); got != mode.OrDefault() {
				t.Errorf("%q: the mode is %q", mode, got)
			}
			prefix := string(mode.OrDefault())
			if mode == "" {
				prefix = "default"
			}
			byToken := f.signupMail(t, prefix+"-token@example.com")
			byCode := f.signupMail(t, prefix+"-code@example.com")
			byInvitation := f.invitation(t, root, prefix+"-invited@example.com", auth.RoleAdmin)
			do := map[string]func() error{
				"signup": func() error {
					_, err := p.Signup(t.Context(), signin.SignupInput{Username: new("signed-up-" + prefix), Password: authtest.Password})
					return err
				},
				"signup with bad input": func() error { // which is not looked at, so nothing is hashed
					_, err := p.Signup(t.Context(), signin.SignupInput{Username: new("bad-" + prefix), Password: "short"})
					return err
				},
				"requestSignup": func() error {
					_, err := d.Recovery.RequestSignup(t.Context(), recovery.RequestSignupInput{Email: prefix + "-requested@example.com"})
					return err
				},
				"token": func() error {
					_, err := p.CompleteSignup(t.Context(), signin.CompleteSignupInput{Token: &byToken.Token, Password: authtest.Password})
					return err
				},
				"code": func() error {
					_, err := p.CompleteSignup(t.Context(), signin.CompleteSignupInput{Email: &byCode.To, Code: &byCode.Code, Password: authtest.Password})
					return err
				},
				"invitation": func() error {
					_, err := p.CompleteSignup(t.Context(), signin.CompleteSignupInput{Token: &byInvitation.Token, Password: authtest.Password})
					return err
				},
				"inviteUser": func() error {
					_, err := p.adminService.InviteUser(f.As(t, root.AccessToken), admin.InviteUserInput{Email: prefix + "-invited-now@example.com"})
					return err
				},
				"usher user invite": func() error {
					_, err := p.operatorService.InviteUser(t.Context(), admin.InviteUserInput{Email: prefix + "-operator@example.com"})
					return err
				},
				"createUser": func() error {
					_, err := p.adminService.CreateUser(f.As(t, root.AccessToken), admin.CreateUserInput{Username: new("created-" + prefix)})
					return err
				},
			}
			for i, way := range ways {
				before := f.state(t)
				err := do[way]()
				if got := authtest.Code(err); got != want[i] {
					t.Errorf("%s in the mode %q: %q, want %q", way, mode, got, want[i])
				}
				if diff := cmp.Diff(before, f.state(t)); err != nil && diff != "" {
					t.Errorf("%s in the mode %q has written (-before +after):\n%s", way, mode, diff)
				} else if err == nil && diff == "" {
					t.Errorf("%s in the mode %q has written nothing", way, mode)
				}
			}
			f.Clock.Advance(time.Hour) // the limits on mails
			root = f.login(t, "root")
			f.NewMails(t)
		}
	})
}
