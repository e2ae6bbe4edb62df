package auth_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/authtest"
	"usher/internal/mail"
	"usher/internal/password"
)

// accept completes the sign-up of an invitation.
func (f *fixture) accept(t *testing.T, m mail.Message) (*signin.AuthPayload, error) {
	t.Helper()
	return f.CompleteSignup(t.Context(), signin.CompleteSignupInput{Token: &m.Token, Password: authtest.Password})
}

// TestInviteUser invites with roles that are deleted, replaced or unchanged until the invitation is accepted.
func TestInviteUser(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		for _, role := range []auth.Role{"EDITOR", "SPARE"} {
			if err := f.Store.CreateRole(t.Context(), &auth.RoleDefinition{Name: role, CreatedAt: f.Clock.Now(), UpdatedAt: f.Clock.Now()}); err != nil {
				t.Fatal(err)
			}
		}
		f.NewEvents(t)
		f.Clock.Advance(time.Second) // so that the next event is the newest
		payload, err := f.adminService.InviteUser(f.As(t, root.AccessToken), admin.InviteUserInput{
			Email: "Ada@EXAMPLE.com", Roles: []auth.Role{"SPARE", "EDITOR"}, Locale: new("de"),
		})
		if err != nil {
			t.Fatal(err)
		}
		if payload.Email != "Ada@example.com" || !payload.ExpiresAt.Equal(f.Clock.Now().Add(7*24*time.Hour)) {
			t.Errorf("%+v", payload)
		}
		f.WantEvents(t, "USER_INVITED by root in a session to [USER EDITOR SPARE]")
		first := f.NewMail(t, "invitation", "Ada@example.com")
		if first.Locale != "de" || first.Code != "" {
			t.Errorf("mail %+v", first)
		}
		events, err := f.AuditEvents(f.As(t, root.AccessToken), nil, auth.Page[uuid.UUID]{Limit: 1})
		if err != nil || *events[0].Identifier != "Ada@example.com" {
			t.Errorf("events %+v, %v", events, err)
		}

		// The roles of the newest invitation count.
		f.Clock.Advance(time.Minute)
		second := f.invitation(t, root, "ada@example.com", "EDITOR", "SPARE")
		if _, err := f.accept(t, first); authtest.Code(err) != "BAD_USER_INPUT token=INCORRECT" {
			t.Errorf("the replaced invitation: %v", err)
		}
		f.NewEvents(t)
		if err := f.Store.DeleteRole(t.Context(), "SPARE", f.Clock.Now()); err != nil {
			t.Fatal(err)
		}
		got, err := f.accept(t, second)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]auth.Role{auth.RoleUser, "EDITOR"}, got.User.Roles); diff != "" {
			t.Errorf("roles (-want +got):\n%s", diff)
		}
		f.WantEvents(t, "SIGNUP by ada@example.com of ada@example.com in a session to [USER EDITOR]")
		f.checkLog(t, second)

		third := f.invitation(t, root, "grace@example.com", auth.RoleAdmin)
		if got, err = f.accept(t, third); err != nil || !got.User.IsAdmin() {
			t.Errorf("an invited administrator: %+v, %v", got, err)
		}
	})
}

// TestInviteUserBadInput checks that nothing is written and nothing is mailed.
func TestInviteUserBadInput(t *testing.T) {
	t.Parallel()
	roles := make([]auth.Role, 25)
	for i := range roles {
		roles[i] = auth.Role(fmt.Sprint("R", i))
	}
	tests := map[string]struct {
		in   admin.InviteUserInput
		want string
	}{
		"no address":     {admin.InviteUserInput{}, "BAD_USER_INPUT email=REQUIRED"},
		"bad address":    {admin.InviteUserInput{Email: "a@b.example\nBcc: c@d.example"}, "BAD_USER_INPUT email=INVALID_FORMAT"},
		"bad locale":     {admin.InviteUserInput{Email: "a@b.example", Locale: new("not a tag")}, "BAD_USER_INPUT locale=INVALID_FORMAT"},
		"unknown role":   {admin.InviteUserInput{Email: "a@b.example", Roles: []auth.Role{"OWNER"}}, "BAD_USER_INPUT roles=NOT_FOUND"},
		"no role at all": {admin.InviteUserInput{Email: "a@b.example", Roles: []auth.Role{"\x00"}}, "BAD_USER_INPUT roles=NOT_FOUND"},
		"too many roles": {admin.InviteUserInput{Email: "a@b.example", Roles: roles}, "BAD_USER_INPUT roles=TOO_MANY"},
		"taken address":  {admin.InviteUserInput{Email: "ADA@example.com"}, "BAD_USER_INPUT email=TAKEN"},
	}
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		if _, err := f.Signup(t.Context(), signin.SignupInput{Email: new("ada@example.com"), Password: authtest.Password}); err != nil {
			t.Fatal(err)
		}
		before := f.state(t)
		f.NewEvents(t)
		for name, tt := range tests {
			if _, err := f.adminService.InviteUser(f.As(t, root.AccessToken), tt.in); authtest.Code(err) != tt.want {
				t.Errorf("%s: %v, want %s", name, err, tt.want)
			}
			if _, err := f.operatorService.InviteUser(t.Context(), tt.in); authtest.Code(err) != tt.want {
				t.Errorf("%s by the operator: %v, want %s", name, err, tt.want)
			}
		}
		if diff := cmp.Diff(before, f.state(t)); diff != "" {
			t.Errorf("(-before +after):\n%s", diff)
		}
		f.WantEvents(t)
	})
}

// TestInvitationRevoked checks that an invitation ends with the rights of the administrator, and that one of the operator
// has no such end.
func TestInvitationRevoked(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.admin(t, "root")
		for name, end := range map[string]func(ctx context.Context, f *fixture, p *signin.AuthPayload) error{
			"disabled": func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
				return f.SetDisabled(ctx, p.User.ID, true)
			},
			"demoted": func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
				return f.Store.SetRoles(ctx, p.User.ID, []auth.Role{auth.RoleUser}, f.Clock.Now())
			},
			"deleted": func(ctx context.Context, f *fixture, p *signin.AuthPayload) error {
				return f.operatorService.DeleteUser(ctx, p.User.ID)
			},
		} {
			by := f.admin(t, name)
			m := f.invitation(t, by, name+"@example.com", auth.RoleAdmin)
			if err := end(t.Context(), f, by); err != nil {
				t.Fatal(err)
			}
			before := f.state(t)
			if _, err := f.accept(t, m); authtest.Code(err) != "BAD_USER_INPUT token=INCORRECT" {
				t.Errorf("an invitation by an administrator that is %s: %v", name, err)
			}
			if diff := cmp.Diff(before, f.state(t)); diff != "" {
				t.Errorf("%s (-before +after):\n%s", name, diff)
			}
		}
		f.NewEvents(t)
		if _, err := f.operatorService.InviteUser(t.Context(), admin.InviteUserInput{Email: "op@example.com", Roles: []auth.Role{auth.RoleAdmin}}); err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t, "USER_INVITED by the operator to [USER ADMIN]")
		if got, err := f.accept(t, f.NewMail(t, "invitation", "op@example.com")); err != nil || !got.User.IsAdmin() {
			t.Errorf("an invitation by the operator: %+v, %v", got, err)
		}
	})
}

// TestInvitationTaken invites an address that gets an account before the mail is prepared, or before it is accepted.
func TestInvitationTaken(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		invite := func(email string) {
			t.Helper()
			if _, err := f.adminService.InviteUser(f.As(t, root.AccessToken), admin.InviteUserInput{Email: email}); err != nil {
				t.Fatal(err)
			}
		}
		signup := func(email string) {
			t.Helper()
			if _, err := f.Signup(t.Context(), signin.SignupInput{Email: &email, Password: authtest.Password}); err != nil {
				t.Fatal(err)
			}
		}
		invite("ada@example.com")
		signup("ada@example.com")
		if mails := f.NewMails(t); len(mails) != 0 {
			t.Errorf("mails %v", mails)
		}
		later := f.invitation(t, root, "grace@example.com")
		signup("grace@example.com") // without a confirmation
		if got, err := f.accept(t, later); err != nil || got.User.EmailVerifiedAt == nil {
			t.Errorf("the owner: %+v, %v", got, err)
		}
	})
}

// TestInviteUserRace invites one address at once, and accepts the invitation at once. One invitation is valid, and one
// account is created.
func TestInviteUserRace(t *testing.T) {
	t.Parallel()
	const n = 8
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		requests := make([]context.Context, n)
		for i := range requests {
			requests[i] = f.As(t, root.AccessToken)
		}
		var wg sync.WaitGroup
		for _, ctx := range requests {
			wg.Go(func() {
				if _, err := f.adminService.InviteUser(ctx, admin.InviteUserInput{Email: "ada@example.com"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		mails := f.NewMails(t) // up to the limit of mails to a recipient
		if len(mails) == 0 || len(mails) > n {
			t.Fatal(mails)
		}
		answers := make([]string, len(mails)*2)
		for i := range answers {
			wg.Go(func() {
				_, err := f.accept(t, mails[i/2])
				answers[i] = authtest.Code(err)
			})
		}
		wg.Wait()
		counts := map[string]int{}
		for _, a := range answers {
			counts[a]++
		}
		if diff := cmp.Diff(map[string]int{"": 1, "BAD_USER_INPUT token=INCORRECT": len(answers) - 1}, counts); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestCreateUserWithoutPassword checks that nobody can sign in to the account, and that a mail asks for a password.
func TestCreateUserWithoutPassword(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		root := f.admin(t, "root")
		f.NewEvents(t)
		got, err := f.adminService.CreateUser(f.As(t, root.AccessToken), admin.CreateUserInput{Username: new("ada"), Email: new("ada@example.com")})
		if err != nil {
			t.Fatal(err)
		}
		f.WantEvents(t, "USER_CREATED by root of ada in a session to [USER]")
		mails := f.state(t).Mails
		if len(mails) != 1 || mails[0].Kind != auth.MailResetPassword || *mails[0].UserID != got.User.ID || mails[0].State != auth.MailQueued {
			t.Errorf("mails %+v", mails)
		}
		for _, p := range []password.Plaintext{"", authtest.Password} {
			if got := f.tryLogin(t.Context(), "ada", p); got != "INVALID_CREDENTIALS" {
				t.Errorf("Login with %q: %s", p, got)
			}
		}
		// Without an address there is nowhere to send a mail.
		if _, err := f.adminService.CreateUser(f.As(t, root.AccessToken), admin.CreateUserInput{Username: new("grace")}); err != nil {
			t.Fatal(err)
		}
		if mails := f.state(t).Mails; len(mails) != 1 {
			t.Errorf("mails %+v", mails)
		}
		user, err := f.FindUser(t.Context(), "grace")
		if err != nil {
			t.Fatal(err)
		}
		if err := f.SetPassword(t.Context(), user, authtest.Password); err != nil {
			t.Fatal(err)
		}
		f.login(t, "grace")
	})
}
