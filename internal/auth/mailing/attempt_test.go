package mailing_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/mail"
	"usher/internal/seal/sealtest"
)

// TestAnswers records what the SMTP server has answered, and tries again only where that makes sense.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer error
		state  auth.MailState
		reason string
	}{
		"temporary": {refuse(mail.Temporary, "recipient", 450), auth.MailQueued, "recipient: 450 no"},
		"permanent": {refuse(mail.Permanent, "recipient", 550), auth.MailFailed, "recipient: 550 no"},
		"unknown":   {refuse(mail.Unknown, "end of data", 0), auth.MailQueued, "end of data: no"},
		"other":     {errors.New("something else"), auth.MailQueued, "something else"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, f *fixture) {
				f.post.answer = func(context.Context, mail.Message) error { return tt.answer }
				f.notice(t, "ada@example.com")
				f.deliver(t)
				m := f.want(t, tt.state, 1, tt.reason)
				if tt.state == auth.MailQueued && !m.NextAttemptAt.Equal(f.Clock.Now().Add(mailing.FirstRetry).Truncate(time.Microsecond)) {
					t.Errorf("next attempt at %v", m.NextAttemptAt)
				}
				if log := f.Log.Take(); strings.Count(log, "\n") != 1 || !strings.Contains(log, tt.reason) || !strings.Contains(log, m.ID.String()) {
					t.Errorf("log: %s", log)
				}
			})
		})
	}
}

// TestBackOff tries a mail until it expires, and then says why it was not sent.
func TestBackOff(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.post.answer = func(context.Context, mail.Message) error { return refuse(mail.Temporary, "connection", 421) }
		f.reset(t, "ada@example.com")
		expires := f.Clock.Now().Add(time.Hour)
		var waits []time.Duration
		for f.Clock.Now().Before(expires) {
			begun := f.Clock.Now()
			f.deliver(t)
			m := f.want(t, auth.MailQueued, len(waits)+1, "connection: 421 no")
			waits = append(waits, m.NextAttemptAt.Sub(begun))
			f.Clock.Advance(m.NextAttemptAt.Sub(begun) - time.Microsecond)
			f.deliver(t)
			f.want(t, auth.MailQueued, len(waits), "connection: 421 no")
			f.Clock.Advance(time.Microsecond)
		}
		const s, m = time.Second, time.Minute
		want := []time.Duration{30 * s, m, 2 * m, 4 * m, 8 * m, 15 * m, 15 * m, 14*m + 30*s}
		if fmt.Sprint(waits) != fmt.Sprint(want) {
			t.Errorf("waits %v, want %v", waits, want)
		}
		f.Log.Take()
		f.deliver(t)
		f.want(t, auth.MailExpired, len(want)+1, "connection: 421 no")
		if log := f.Log.Take(); !strings.Contains(log, `msg="mail not sent"`) || !strings.Contains(log, "connection: 421 no") {
			t.Errorf("log: %s", log)
		}
	})
	for attempts := range 1000 {
		if wait := mailing.BackOff(attempts + 1); wait < mailing.FirstRetry || wait > mailing.LongestRetry {
			t.Errorf("after %d attempts: %v", attempts+1, wait)
		}
	}
}

// TestUnknownOutcome gives up a mail that may have been sent several times.
func TestUnknownOutcome(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		ids := map[string]bool{}
		f.post.answer = func(_ context.Context, m mail.Message) error {
			ids[m.ID] = true
			return refuse(mail.Unknown, "end of data", 0)
		}
		f.notice(t, "ada@example.com")
		for range 2 * mailing.MostUnknown {
			f.deliver(t)
			f.Clock.Advance(mailing.LongestRetry)
		}
		f.want(t, auth.MailFailed, mailing.MostUnknown, "end of data: no (the mail may have been sent)")
		if len(ids) != 1 {
			t.Errorf("%d Message-IDs", len(ids))
		}
	})
}

// TestPrepareOnce sends a mail again as it was: with the same secret and Message-ID.
func TestPrepareOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		calls := 0
		f.Register(auth.MailResetPassword, func(_ context.Context, _ *transaction.Tx, r *mailing.Request) (*mailing.Letter, error) {
			calls++
			if r.Identifier != "ada" || r.From.Client.String() != "192.0.2.1" {
				t.Errorf("prepares %+v", r)
			}
			l := f.resetLetter(t, "ada@example.com")
			l.Token = strings.Repeat(fmt.Sprint(calls), 43)
			return &l, nil
		})
		var tried []mail.Message
		f.post.answer = func(_ context.Context, m mail.Message) error {
			if tried = append(tried, m); len(tried) < 3 {
				return refuse(mail.Temporary, "recipient", 450)
			}
			return nil
		}
		f.mustAsk(t, "192.0.2.1", mailing.Request{Kind: auth.MailResetPassword, Identifier: "ada"})
		if m := f.want(t, auth.MailQueued, 0, ""); m.Recipient != nil || m.Prepared {
			t.Errorf("the row of a request says %+v", m)
		}
		for range 4 {
			f.deliver(t)
			f.Clock.Advance(mailing.LongestRetry)
		}
		f.want(t, auth.MailSent, 3, "")
		if calls != 1 || len(tried) != 3 || tried[0] != tried[1] || tried[0] != tried[2] {
			t.Errorf("prepared %d times, tried %+v", calls, tried)
		}
	})
}

// TestPrepareAgain lets the database roll back the transaction that prepares a mail. The mail has the secret of the
// transaction that was committed.
func TestPrepareAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		var last string
		f.Register(auth.MailResetPassword, func(_ context.Context, tx *transaction.Tx, _ *mailing.Request) (*mailing.Letter, error) {
			l := f.resetLetter(t, "ada@example.com")
			last = strings.Repeat(fmt.Sprint(len(last)%10), 43)
			l.Token = last
			return &l, nil
		})
		f.mustAsk(t, "", mailing.Request{Kind: auth.MailResetPassword})
		f.Store.RollBack(true)
		f.deliver(t)
		if sent := f.post.take(); len(sent) != 1 || sent[0].Token != last {
			t.Errorf("sent %+v, want the token %s", sent, last)
		}
	})
}

// TestDropped prepares a mail for nobody.
func TestDropped(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.Register(auth.MailResetPassword, func(context.Context, *transaction.Tx, *mailing.Request) (*mailing.Letter, error) { return nil, nil })
		f.mustAsk(t, "", mailing.Request{Kind: auth.MailResetPassword, Identifier: "nobody"})
		f.deliver(t)
		f.post.wantSent(t)
		if m := f.want(t, auth.MailDropped, 1, ""); m.Recipient != nil {
			t.Errorf("the recipient is %s", *m.Recipient)
		}
	})
}

// TestExpired does not send what has expired, whether it was prepared or not.
func TestExpired(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.Register(auth.MailResetPassword, func(context.Context, *transaction.Tx, *mailing.Request) (*mailing.Letter, error) {
			t.Error("an expired request was prepared")
			return nil, nil
		})
		f.reset(t, "ada@example.com")
		f.mustAsk(t, "", mailing.Request{Kind: auth.MailResetPassword})
		f.Clock.Advance(time.Hour)
		f.deliver(t)
		f.post.wantSent(t)
		for _, m := range f.rows(t) {
			if m.State != auth.MailExpired || m.Content != nil {
				t.Errorf("got %s", m.State)
			}
		}
	})
}

// TestFaults lets the server fail to make a mail, in every way. It goes on with the others, tries again for a while, and
// shows no secret.
func TestFaults(t *testing.T) {
	t.Parallel()
	secretive := errors.New("failed with " + testToken + " and " + testCode)
	letter := func(f *fixture, t *testing.T) func(context.Context, *transaction.Tx, *mailing.Request) (*mailing.Letter, error) {
		return func(context.Context, *transaction.Tx, *mailing.Request) (*mailing.Letter, error) {
			l := f.resetLetter(t, "ada@example.com")
			return &l, nil
		}
	}
	ada := func(do func() error) func(m mail.Message) error {
		return func(m mail.Message) error {
			if m.To != "ada@example.com" {
				return nil
			}
			return do()
		}
	}
	for name, tt := range map[string]struct {
		arrange func(t *testing.T, f *fixture)
		reason  string
	}{
		"the templates fail": {func(t *testing.T, f *fixture) {
			f.Register(auth.MailResetPassword, letter(f, t))
			f.post.composing = ada(func() error { return secretive })
		}, "content: failed with [redacted] and [redacted]"},
		"the templates panic": {func(t *testing.T, f *fixture) {
			f.Register(auth.MailResetPassword, letter(f, t))
			f.post.composing = ada(func() error { panic(secretive) })
		}, "server: it has a fault, see its log"},
		"sending panics": {func(t *testing.T, f *fixture) {
			f.Register(auth.MailResetPassword, letter(f, t))
			f.post.answer = func(_ context.Context, m mail.Message) error {
				return ada(func() error {
					var none []byte
					_ = none[len(m.Code)] // a fault of the runtime's own
					return nil
				})(m)
			}
		}, "server: it has a fault, see its log"},
		"preparing fails": {func(_ *testing.T, f *fixture) {
			f.Register(auth.MailResetPassword, func(context.Context, *transaction.Tx, *mailing.Request) (*mailing.Letter, error) {
				return nil, errors.New("no connection")
			})
		}, "server: it could not prepare the mail, see its log"},
		"preparing panics": {func(_ *testing.T, f *fixture) {
			f.Register(auth.MailResetPassword, func(context.Context, *transaction.Tx, *mailing.Request) (*mailing.Letter, error) {
				panic(secretive)
			})
		}, "server: it has a fault, see its log"},
		"a mail of a newer release": {func(*testing.T, *fixture) {}, "content: this version does not know such mails"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, f *fixture) {
				f.mustAsk(t, "", mailing.Request{Kind: auth.MailResetPassword, Identifier: "ada"})
				tt.arrange(t, f)
				if err := f.Deliver(t.Context()); err != nil {
					t.Fatal(err)
				}
				f.want(t, auth.MailQueued, 1, tt.reason)
				for range mailing.MostFaults - 1 { // a mail expires after an hour, which is longer
					f.Clock.Advance(f.row(t).NextAttemptAt.Sub(f.Clock.Now()))
					if f.row(t).State == auth.MailQueued && f.row(t).ExpiresAt.After(f.Clock.Now()) {
						f.deliver(t)
					}
				}
				log := f.Log.Take()
				if strings.Contains(log, testToken) || strings.Contains(log, testCode) {
					t.Errorf("the log has a secret: %s", log)
				}
				if !strings.Contains(log, "mail not made") {
					t.Errorf("the log does not say why: %s", log)
				}
				f.notice(t, "bob@example.com")
				f.deliver(t)
				f.post.wantSent(t, "password-changed to bob@example.com")
				if f.post.open != 0 {
					t.Errorf("%d connections are still open", f.post.open)
				}
			})
		})
	}
}

// TestFaultsEnd gives up a mail that the server fails to make.
func TestFaultsEnd(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.notice(t, "ada@example.com")
		f.post.composing = func(mail.Message) error { return errors.New("no such template") }
		for range mailing.MostFaults + 2 {
			f.deliver(t)
			f.Clock.Advance(mailing.LongestRetry)
		}
		f.want(t, auth.MailFailed, mailing.MostFaults, "content: no such template")
	})
}

// TestOtherSecret reads mails that were sealed with another secret, or for another row.
func TestOtherSecret(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.Register(auth.MailSignUp, func(context.Context, *transaction.Tx, *mailing.Request) (*mailing.Letter, error) {
			t.Error("prepared")
			return nil, nil
		})
		f.reset(t, "ada@example.com")
		f.Clock.Advance(time.Millisecond) // the order of the rows is that of their times
		f.mustAsk(t, "", mailing.Request{Kind: auth.MailSignUp, Email: "bob@example.com"})
		other := f.newOutbox(t, f.post.Post(), sealtest.Secrets(strings.Repeat("x", 32)))
		if err := other.Deliver(t.Context()); err != nil {
			t.Fatal(err)
		}
		rows := f.rows(t)
		for _, m := range rows {
			if m.State != auth.MailQueued || *m.LastError != "content: it was sealed with another secret" {
				t.Errorf("got %s, %s", m.State, *m.LastError)
			}
		}
		// A row with the content of another one.
		rows[1].Content, rows[1].Prepared, rows[1].NextAttemptAt = rows[0].Content, true, f.Clock.Now()
		if ok, err := f.Store.UpdateMail(t.Context(), &rows[1], auth.MailQueued, rows[1].Attempts); err != nil || !ok {
			t.Fatal(ok, err)
		}
		f.deliver(t)
		f.post.wantSent(t)
		// With the right secret, the first one is sent.
		f.Clock.Advance(mailing.FirstRetry)
		f.deliver(t)
		f.post.wantSent(t, "reset-password to ada@example.com")
	})
}

// FuzzShorten cuts texts that a server has sent. The database accepts the result.
func FuzzShorten(f *testing.F) {
	f.Add(strings.Repeat("é", 300))
	f.Add("\xff\x00")
	f.Fuzz(func(t *testing.T, text string) {
		if got := mailing.Shorten(text); len(got) > 500 || !utf8.ValidString(got) || strings.Contains(got, "\x00") {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}

// TestLongReason stores the reason of an error that is too long for its column.
func TestLongReason(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.post.composing = func(mail.Message) error { return errors.New(strings.Repeat("é\x00", 5000)) }
		f.notice(t, "ada@example.com")
		f.deliver(t)
		f.want(t, auth.MailQueued, 1, "content: "+strings.Repeat("é", 245))
	})
}
