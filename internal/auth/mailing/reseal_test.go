package mailing_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/mailing"
	"usher/internal/mail"
	"usher/internal/seal"
	"usher/internal/seal/sealtest"
)

// The secret of the fixture, and the one that it is changed to.
const (
	older = "7e2c3f0b9d1a48c6b5e4f3a2918d7c6b"
	newer = "Zk3Xp9Wc1Vb7Nm5Qa8Ls2Df6Gh4Jt0Ry"
)

// TestResealMails changes the secret while mails wait: more than one batch, requests and letters, and mails that have
// failed. The new secret alone sends them afterwards.
func TestResealMails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		const many = 230
		f.post.answer = func(context.Context, mail.Message) error { return refuse(mail.Permanent, "recipient", 550) }
		f.notice(t, "failed@example.com")
		f.deliver(t)
		f.post.answer = nil
		f.post.take()
		for i := range many {
			f.Clock.Advance(time.Millisecond)
			f.notice(t, fmt.Sprintf("ada%d@example.com", i))
		}
		outbox := func(secrets *seal.Secrets) *mailing.Outbox { return f.newOutbox(t, f.post.Post(), secrets) }
		both, after := outbox(sealtest.Secrets(newer, older)), outbox(sealtest.Secrets(newer))
		reseal := func(o *mailing.Outbox, want int) {
			t.Helper()
			if n, err := o.Reseal(t.Context()); n != want || err != nil {
				t.Errorf("resealed %d, %v, want %d", n, err, want)
			}
		}
		reseal(after, 0) // it can open none of them
		reseal(f.Outbox, 0)
		reseal(both, many+1)
		reseal(both, 0)
		if err := after.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		sent := 0
		for _, m := range f.rows(t) {
			if m.State == auth.MailSent {
				sent++
			}
		}
		if sent != many {
			t.Errorf("%d mails were sent, want %d", sent, many)
		}
	})
}

// behind is a store whose lists lack what was just written, unless they must be current.
type behind struct{ mailing.Store }

func (b behind) Mails(ctx context.Context, q auth.MailQuery) ([]auth.MailMessage, error) {
	if !q.Current {
		return nil, nil
	}
	return b.Store.Mails(ctx, q)
}

// TestResealCurrentMails reseals a mail that a standby does not have yet.
func TestResealCurrentMails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.notice(t, "ada@example.com")
		o, err := mailing.New(mailing.Options{
			Store: behind{f.Store}, Tx: f.tx, Post: f.post.Post(), Secrets: sealtest.Secrets(newer, older), Log: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		if n, err := o.Reseal(t.Context()); n != 1 || err != nil {
			t.Errorf("resealed %d, %v, want 1", n, err)
		}
	})
}

// TestPreviousOpensMails sends a mail that was sealed with the previous secret, and one that a replica with the old secret
// gets from a replica with the new one.
func TestPreviousOpensMails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		phase1 := f.newOutbox(t, f.post.Post(), sealtest.Secrets(older, newer))
		phase2 := f.newOutbox(t, f.post.Post(), sealtest.Secrets(newer, older))
		f.reset(t, "ada@example.com")
		if err := phase2.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.post.wantSent(t, "reset-password to ada@example.com")
		authtest.Queue(t, f.Store, sealtest.Secrets(newer), f.Clock.Now, mailing.Letter{Kind: auth.MailPasswordChanged, To: name(t, "bob@example.com")})
		if err := phase1.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.post.wantSent(t, "password-changed to bob@example.com")
		if log := f.Log.Take(); strings.Contains(log, older) || strings.Contains(log, newer) {
			t.Error("the log has a secret")
		}
	})
}
