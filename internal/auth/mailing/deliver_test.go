package mailing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/mail"
)

// TestDeliver sends a mail once.
func TestDeliver(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.reset(t, "Ada@example.com")
		queued := f.want(t, auth.MailQueued, 0, "")
		if *queued.Recipient != "Ada@example.com" || *queued.RecipientKey != "ada@example.com" || !queued.ExpiresAt.Equal(f.Clock.Now().Add(time.Hour)) {
			t.Errorf("got %+v", queued)
		}
		for range 2 {
			f.deliver(t)
		}
		f.post.wantSent(t, "reset-password to Ada@example.com")
		f.want(t, auth.MailSent, 1, "")
		if f.post.open != 0 {
			t.Errorf("%d connections are still open", f.post.open)
		}
	})
}

// TestTwoWorkers lets two replicas work on the same mails. Each mail is sent once.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	const mails = 120
	each(t, func(t *testing.T, f *fixture) {
		for range mails {
			f.notice(t, "ada@example.com")
		}
		other := f.newOutbox(t, f.post.Post(), authtest.Secrets)
		var workers sync.WaitGroup
		for _, o := range []*mailing.Outbox{f.Outbox, other, f.Outbox} {
			workers.Go(func() {
				if err := o.Deliver(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		workers.Wait()
		times := map[string]int{}
		for _, m := range f.post.take() {
			times[m.ID]++
		}
		for _, m := range f.rows(t) {
			if m.State != auth.MailSent || m.Attempts != 1 || times[m.ID.String()] != 1 {
				t.Errorf("mail %s: %s after %d attempts, sent %d times", m.ID, m.State, m.Attempts, times[m.ID.String()])
			}
		}
		if len(times) != mails {
			t.Errorf("%d mails were sent", len(times))
		}
	})
}

// TestLease stops a replica in mid-send. Nobody else takes the mail before the lease has expired. Whatever the first
// replica learns afterwards, it does not overwrite the outcome of the second one.
func TestLease(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{
		"then it succeeds":              nil,
		"then it fails":                 refuse(mail.Temporary, "recipient", 450),
		"then it fails for good":        refuse(mail.Permanent, "recipient", 550),
		"then the outcome is not known": refuse(mail.Unknown, "end of data", 0),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, f *fixture) {
				f.notice(t, "ada@example.com")
				reached, release := make(chan struct{}), make(chan struct{})
				f.post.answer = func(context.Context, mail.Message) error {
					close(reached)
					<-release
					return answer
				}
				second := newPost(t)
				other := f.newOutbox(t, second.Post(), authtest.Secrets)
				done := make(chan error)
				ctx, stop := context.WithCancel(t.Context())
				f.SetGrace(time.Hour)
				go func() { done <- f.Deliver(ctx) }()
				<-reached
				stop() // so that the first replica does not claim the mail again itself

				f.Clock.Advance(mailing.Lease - time.Microsecond)
				if err := other.Deliver(t.Context()); err != nil {
					t.Fatal(err)
				}
				second.wantSent(t)
				f.Clock.Advance(time.Microsecond)
				if err := other.Deliver(t.Context()); err != nil {
					t.Fatal(err)
				}
				sent := second.take()
				if len(sent) != 1 || sent[0].ID != f.row(t).ID.String() {
					t.Errorf("the other replica sent %v", sent)
				}
				before := f.want(t, auth.MailSent, 2, "")
				f.Clock.Advance(time.Second)
				close(release)
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				if after := f.want(t, auth.MailSent, 2, ""); !after.SentAt.Equal(*before.SentAt) {
					t.Error("the replica without a lease has overwritten the outcome")
				}
			})
		})
	}
}

// TestLeaseLostInPrepare lets the lease expire while a mail is prepared. What was prepared without it is rolled back.
func TestLeaseLostInPrepare(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		second := newPost(t)
		other := f.newOutbox(t, second.Post(), authtest.Secrets)
		other.Register(auth.MailResetPassword, func(context.Context, *transaction.Tx, *mailing.Request) (*mailing.Letter, error) {
			l := f.resetLetter(t, "second@example.com")
			return &l, nil
		})
		calls := 0
		f.Register(auth.MailResetPassword, func(context.Context, *transaction.Tx, *mailing.Request) (*mailing.Letter, error) {
			l := f.resetLetter(t, "first@example.com")
			return &l, nil
		})
		f.mustAsk(t, "", mailing.Request{Kind: auth.MailResetPassword})
		ctx, stop := context.WithCancel(t.Context())
		f.SetGrace(time.Hour)
		// Between the claim and the transaction that prepares the mail, the other replica takes over.
		f.Store.Before("InTx", func(context.Context) error {
			if calls++; calls == 1 {
				stop() // so that the first replica does not claim the mail again itself
				f.Clock.Advance(mailing.Lease)
				return other.Deliver(t.Context())
			}
			return nil
		})
		if err := f.Deliver(ctx); err != nil {
			t.Fatal(err)
		}
		f.post.wantSent(t)
		second.wantSent(t, "reset-password to second@example.com")
		if m := f.want(t, auth.MailSent, 2, ""); *m.Recipient != "second@example.com" {
			t.Errorf("the row is about %s", *m.Recipient)
		}
	})
}

// TestHangingRecipient lets the server of one recipient hang. Mails that come meanwhile are sent.
func TestHangingRecipient(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		hangs, release, arrived := make(chan struct{}), make(chan struct{}), make(chan string)
		f.post.answer = func(_ context.Context, m mail.Message) error {
			if m.To == "bob@example.com" {
				close(hangs)
				<-release
				return refuse(mail.Temporary, "recipient", 0)
			}
			arrived <- m.To
			return nil
		}
		f.notice(t, "bob@example.com")
		done := make(chan error)
		go func() { done <- f.Deliver(t.Context()) }()
		<-hangs
		for i := range 3 * mailing.Parallel {
			to := fmt.Sprintf("ada%d@example.com", i)
			f.notice(t, to)
			if got := <-arrived; got != to {
				t.Errorf("a mail to %s, want one to %s", got, to)
			}
		}
		close(release)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for _, m := range f.rows(t) {
			if want := map[bool]auth.MailState{true: auth.MailQueued, false: auth.MailSent}[*m.Recipient == "bob@example.com"]; m.State != want {
				t.Errorf("the mail to %s is %s", *m.Recipient, m.State)
			}
		}
	})
}

// TestParallel sends several mails at once, but not more than the limit.
func TestParallel(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		var together sync.WaitGroup
		together.Add(mailing.Parallel)
		var mu sync.Mutex
		n := 0
		f.post.answer = func(context.Context, mail.Message) error {
			mu.Lock()
			n++
			first := n <= mailing.Parallel
			mu.Unlock()
			if first {
				together.Done()
				together.Wait() // until as many as allowed are here
			}
			return nil
		}
		for range 5 * mailing.Parallel {
			f.notice(t, "ada@example.com")
		}
		f.deliver(t)
		if sent := f.post.take(); len(sent) != 5*mailing.Parallel || f.post.most != mailing.Parallel {
			t.Errorf("%d mails were sent, %d at once", len(sent), f.post.most)
		}
	})
}

// TestStop stops the server in mid-send.
func TestStop(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		grace  time.Duration
		answer func(ctx context.Context) error
		state  auth.MailState
		reason string
		sent   int
		again  bool // at once
	}{
		"the answer comes soon": {time.Hour, func(ctx context.Context) error { return ctx.Err() }, auth.MailSent, "", 1, false},
		"no answer": {0, func(ctx context.Context) error {
			<-ctx.Done()
			return refuse(mail.Temporary, "recipient", 0)
		}, auth.MailQueued, "recipient: no", 0, true},
		"no answer after the transfer": {0, func(ctx context.Context) error {
			<-ctx.Done()
			return refuse(mail.Unknown, "end of data", 0)
		}, auth.MailQueued, "end of data: no", 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, f *fixture) {
				f.SetGrace(tt.grace)
				ctx, stop := context.WithCancel(t.Context())
				f.post.answer = func(ctx context.Context, _ mail.Message) error {
					stop()
					return tt.answer(ctx)
				}
				f.notice(t, "ada@example.com")
				if err := f.Deliver(ctx); err != nil {
					t.Fatal(err)
				}
				m := f.want(t, tt.state, 1, tt.reason)
				if due := !m.NextAttemptAt.After(f.Clock.Now()); due != tt.again {
					t.Errorf("due again at once: %t", due)
				}
				if sent := f.post.take(); len(sent) != tt.sent {
					t.Errorf("%d mails were sent", len(sent))
				}
			})
		})
	}
}

// TestStopped begins nothing when the server has stopped.
func TestStopped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		ctx, stop := context.WithCancel(t.Context())
		stop()
		f.notice(t, "ada@example.com")
		if err := f.Deliver(ctx); err != nil {
			t.Fatal(err)
		}
		f.post.wantSent(t)
		f.want(t, auth.MailQueued, 0, "")
	})
}

// TestOutcomeLost lets the database fail after the mail was sent. The mail is sent once.
func TestOutcomeLost(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.notice(t, "ada@example.com")
		calls := 0
		f.Store.Before("UpdateMail", func(context.Context) error {
			if calls++; calls == 2 || calls == 3 { // the first call is the claim
				return errors.New("no connection")
			}
			return nil
		})
		f.deliver(t)
		f.Clock.Advance(mailing.Lease)
		f.deliver(t)
		f.post.wantSent(t, "password-changed to ada@example.com")
		f.want(t, auth.MailSent, 1, "")
	})
}

// TestClaimFails returns the error of the database, and the mail is sent later.
func TestClaimFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.notice(t, "ada@example.com")
		f.Store.Before("UpdateMail", func(context.Context) error { return errors.New("no connection") })
		if err := f.Deliver(t.Context()); err == nil || !strings.Contains(err.Error(), "no connection") {
			t.Errorf("got %v", err)
		}
		f.post.wantSent(t)
		f.Store.Before("UpdateMail", nil)
		f.deliver(t)
		f.post.wantSent(t, "password-changed to ada@example.com")
	})
}

// TestWake wakes the worker after the commit, and not for a transaction that fails.
func TestWake(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		woken := func() bool {
			select {
			case <-f.Wake():
				return true
			default:
				return false
			}
		}
		fail := errors.New("rolled back")
		err := f.do(t.Context(), func(ctx context.Context, tx *transaction.Tx) error {
			if err := f.Send(ctx, tx, mailing.Letter{Kind: auth.MailPasswordChanged, To: name(t, "ada@example.com")}); err != nil {
				return err
			}
			if woken() {
				t.Error("woken before the commit")
			}
			return fail
		})
		if !errors.Is(err, fail) || woken() || len(f.rows(t)) != 0 {
			t.Errorf("got %v, and the worker may have been woken for %d mails", err, len(f.rows(t)))
		}
		f.notice(t, "ada@example.com")
		if !woken() || woken() {
			t.Error("not woken once after the commit")
		}
		f.mustAsk(t, "", mailing.Request{Kind: auth.MailResetPassword})
		if !woken() {
			t.Error("not woken by a request")
		}
	})
}

// TestDisabled is an outbox without an SMTP server.
func TestDisabled(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.Outbox = f.newOutbox(t, nil, nil)
		if err := f.ask(t, "", mailing.Request{Kind: auth.MailResetPassword}); !errors.Is(err, auth.ErrMailDisabled) {
			t.Errorf("got %v", err)
		}
		f.notice(t, "ada@example.com")
		f.deliver(t)
		if rows := f.rows(t); len(rows) != 0 {
			t.Errorf("got %v", rows)
		}
		err := f.do(t.Context(), func(ctx context.Context, tx *transaction.Tx) error {
			_, err := f.Retry(ctx, tx, &auth.MailMessage{ID: uuid.New(), State: auth.MailFailed})
			return err
		})
		if !errors.Is(err, auth.ErrMailDisabled) {
			t.Errorf("got %v", err)
		}
	})
}
