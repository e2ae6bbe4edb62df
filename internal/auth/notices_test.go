package auth_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"usher/graph/signin"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/password"
	"usher/internal/request"
)

// mailsAnHour is how many mails of a kind a recipient gets in an hour.
const mailsAnHour = 5

// TestNoticesToStranger signs up with the address of another person and causes notices to it. The other person gets no
// more of them than of mails that are requested. The owner of a verified address gets all of them.
func TestNoticesToStranger(t *testing.T) {
	t.Parallel()
	const many = 3 * mailsAnHour
	actions := map[string]func(t *testing.T, f *fixture, ctx func() context.Context, i int) error{
		"password-changed": func(_ *testing.T, f *fixture, ctx func() context.Context, i int) error {
			before, after := password.Plaintext(authtest.Password), password.Plaintext(otherPassword)
			if i%2 == 1 {
				before, after = after, before
			}
			_, err := f.ChangePassword(ctx(), accounts.ChangePasswordInput{CurrentPassword: before, NewPassword: after})
			return err
		},
		"account-deletion": func(_ *testing.T, f *fixture, ctx func() context.Context, _ int) error {
			if _, err := f.DeleteMe(ctx()); err != nil {
				return err
			}
			_, err := f.CancelDeletion(ctx())
			return err
		},
	}
	for template, action := range actions {
		for address, verified := range map[string]bool{"stranger@example.com": false, "owner@example.com": true} {
			t.Run(template+" to "+address, func(t *testing.T) {
				t.Parallel()
				eachDatabase(t, func(t *testing.T, f *fixture) {
					p := f.signupAt(t, "eve", address)
					want := mailsAnHour
					if verified {
						f.markVerified(t, p.User.ID)
						want = many
					}
					ctx := func() context.Context { return f.As(t, p.AccessToken) }
					for i := range many {
						if err := action(t, f, ctx, i); err != nil {
							t.Fatal(err)
						}
					}
					got := 0
					for _, m := range f.NewMails(t) {
						if m.Template == template && m.To == address {
							got++
						}
					}
					if got != want {
						t.Errorf("%d mails, want %d", got, want)
					}
				})
			})
		}
	}
}

// TestNoticesOfNetwork signs up with the address of another person and deletes the account, again and again. The deletion
// makes Usher forget the recipient, so the network is limited.
func TestNoticesOfNetwork(t *testing.T) {
	t.Parallel()
	const address, limit = "stranger@example.com", 30
	eachDatabase(t, func(t *testing.T, f *fixture) {
		server := f.NewDomain(t, domain.Options{DeletionGrace: 0})
		d := partsOf(server)
		churn := func(n int, network string) (mails int) {
			t.Helper()
			for i := range n {
				username := fmt.Sprint("eve", i)
				p, err := d.Signup(from(t.Context(), network), signin.SignupInput{
					Username: &username, Email: new(address), Password: authtest.Password,
				})
				if err != nil {
					t.Fatal(err)
				}
				as := request.With(f.As(t, p.AccessToken), &request.Exchange{Info: request.From(from(t.Context(), network))})
				if _, err := d.DeleteMe(as); err != nil {
					t.Fatal(err)
				}
				for _, m := range f.NewMailsOf(t, server) {
					if m.Template == "account-deleted" && m.To == address {
						mails++
					}
				}
			}
			return mails
		}
		if got := churn(limit+5, "192.0.2.1"); got != limit {
			t.Errorf("%d mails, want %d", got, limit)
		}
		if got := churn(1, "192.0.2.2"); got != 1 {
			t.Errorf("from another network: %d mails", got)
		}
		f.Clock.Advance(time.Hour + time.Second)
		if got := churn(1, "192.0.2.1"); got != 1 {
			t.Errorf("an hour later: %d mails", got)
		}
	})
}
