package auth_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/recovery"
	"usher/internal/mail"
)

// signupAt signs a user up with an address; an empty user name means none.
func (f *fixture) signupAt(t *testing.T, username, email string) *signin.AuthPayload {
	t.Helper()
	in := signin.SignupInput{Email: &email, Password: authtest.Password}
	if username != "" {
		in.Username = &username
	}
	p, err := f.Signup(device(t.Context()), in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// markVerified marks the address of a user as verified, past the domain.
func (f *fixture) markVerified(t *testing.T, id uuid.UUID) {
	t.Helper()
	u := f.user(t, id)
	err := f.Store.SetEmail(t.Context(), id, auth.Email{
		Address: u.Email, Key: u.Email, VerifiedAt: new(f.Clock.Now()), Pending: u.PendingEmail,
	}, f.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) user(t *testing.T, id uuid.UUID) *auth.User {
	t.Helper()
	u, err := f.Store.User(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// address describes the address of a user: "ada@example.com verified, pending new@example.com".
func (f *fixture) address(t *testing.T, id uuid.UUID) string {
	t.Helper()
	u := f.user(t, id)
	s := "none"
	if u.Email != nil {
		s = *u.Email
	}
	if u.EmailVerifiedAt != nil {
		s += " verified"
	}
	if u.PendingEmail != nil {
		s += ", pending " + *u.PendingEmail
	}
	return s
}

func (f *fixture) requestEmailChange(ctx context.Context, email string) string {
	_, err := f.RequestEmailChange(ctx, recovery.RequestEmailChangeInput{Email: email})
	return authtest.Code(err)
}

func (f *fixture) confirmToken(ctx context.Context, token string) string {
	_, err := f.ConfirmEmailChange(ctx, recovery.ConfirmEmailChangeInput{Token: &token})
	return authtest.Code(err)
}

func (f *fixture) confirmCode(ctx context.Context, code string) string {
	_, err := f.ConfirmEmailChange(ctx, recovery.ConfirmEmailChangeInput{Code: &code})
	return authtest.Code(err)
}

func (f *fixture) undo(ctx context.Context, token string) string {
	_, err := f.CancelEmailChange(ctx, recovery.CancelEmailChangeInput{Token: &token})
	return authtest.Code(err)
}

// newMails returns the mails since the last call by template and recipient, as "confirm-email to new@example.com".
func (f *fixture) newMails(t *testing.T) map[string]mail.Message {
	t.Helper()
	mails := map[string]mail.Message{}
	for _, m := range f.NewMails(t) {
		mails[m.Template+" to "+m.To] = m
	}
	return mails
}

// newMailTo returns the one new mail of a template to an address. There may be others.
func (f *fixture) newMailTo(t *testing.T, template, to string) mail.Message {
	t.Helper()
	m, ok := f.newMails(t)[template+" to "+to]
	if !ok {
		t.Fatalf("no mail %s to %s", template, to)
	}
	return m
}

// change asks for a change of an address and returns what was mailed to both addresses.
func (f *fixture) change(t *testing.T, bearer, old, next string) (confirm, undo mail.Message) {
	t.Helper()
	if got := f.requestEmailChange(f.As(t, bearer), next); got != "" {
		t.Fatal(got)
	}
	mails := f.newMails(t)
	confirm, undo = mails["confirm-email to "+next], mails["email-changed to "+old]
	if confirm.Token == "" || undo.Token == "" {
		t.Fatalf("mails %v", mails)
	}
	return confirm, undo
}

// secretsIn fails the test if the log, the audit log or a list of mails has one of the secrets.
func (f *fixture) secretsIn(t *testing.T, secrets ...string) {
	t.Helper()
	events, err := f.Store.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	mails, err := f.Store.Mails(t.Context(), auth.MailQuery{Page: auth.Page[uuid.UUID]{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{f.Log.Take(), fmt.Sprintf("%+v", events), fmt.Sprintf("%+v", mails)} {
		for _, secret := range secrets {
			if strings.Contains(text, secret) {
				t.Errorf("%q is in %s", secret, text)
			}
		}
	}
}
