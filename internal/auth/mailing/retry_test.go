package mailing_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
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
