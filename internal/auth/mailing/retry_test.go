package mailing_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/mail"
)

// TestRetry queues a failed mail again. Of two at once, one does.
func TestRetry(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		retry := func(m auth.MailMessage) bool {
			t.Helper()
			var queued bool
			err := f.do(t.Context(), func(ctx context.Context, tx *transaction.Tx) (err error) {
				queued, err = f.Retry(ctx, tx, &m)
				return err
			})
			if err != nil {
				t.Error(err)
			}
			return queued
		}
		f.reset(t, "ada@example.com")
		if retry(f.row(t)) {
			t.Error("a queued mail was queued again")
		}
		f.post.answer = func(context.Context, mail.Message) error { return refuse(mail.Permanent, "recipient", 550) }
		f.deliver(t)
		failed := f.want(t, auth.MailFailed, 1, "recipient: 550 no")
		var both sync.WaitGroup
		var results [2]bool
		for i := range results {
			both.Go(func() { results[i] = retry(failed) })
		}
		both.Wait()
		if results[0] == results[1] {
			t.Errorf("two retries at once: %v", results)
		}
		f.deliver(t)
		failed = f.want(t, auth.MailFailed, 2, "recipient: 550 no")
		f.post.answer = nil
		if !retry(failed) {
			t.Error("not queued")
		}
		f.deliver(t)
		f.post.wantSent(t, "reset-password to ada@example.com")
		if retry(f.want(t, auth.MailSent, 3, "")) {
			t.Error("a sent mail was queued again")
		}
		failed.Attempts = 3
		f.Clock.Advance(time.Hour)
		if retry(failed) {
			t.Error("an expired mail was queued again")
		}
	})
}

// TestDeletedMeanwhile deletes the account while its mail is sent. Whatever the SMTP server answers, the row does not get
// the address back, and the mail is not sent again.
func TestDeletedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{
		"sent":     nil,
		"delayed":  &mail.Error{Outcome: mail.Temporary, Step: "recipient", Code: 450, Reason: "ada@example.com is busy"},
		"rejected": &mail.Error{Outcome: mail.Permanent, Step: "recipient", Code: 550, Reason: "ada@example.com is unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, f *fixture) {
				ada, err := f.Domain.Operator.CreateUser(t.Context(), accounts.Input{Email: new("ada@example.com"), Password: authtest.Password}, []auth.Role{auth.RoleUser})
				if err != nil {
					t.Fatal(err)
				}
				letter := f.resetLetter(t, "ada@example.com")
				letter.UserID = &ada.ID
				f.send(t, letter)
				f.post.answer = func(ctx context.Context, _ mail.Message) error {
					err := f.do(ctx, func(ctx context.Context, tx *transaction.Tx) error { return tx.DeleteUser(ctx, ada.ID) })
					if err != nil {
						t.Error(err)
					}
					return answer
				}
				f.deliver(t)
				if m := f.want(t, auth.MailDropped, 1, ""); m.Recipient != nil || m.RecipientKey != nil {
					t.Errorf("the row has the address %s", *m.Recipient)
				}
				f.Clock.Advance(mailing.Lease)
				f.post.answer = nil
				f.post.take()
				f.deliver(t)
				f.post.wantSent(t)
			})
		})
	}
}
