package mailing_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/mail"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestRecipientLimit drops mails of a kind that a recipient gets too many of. What was dropped does not count, or
// somebody could keep mails from a recipient for good.
func TestRecipientLimit(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		prepare := func(_ context.Context, tx *transaction.Tx, r *mailing.Request) (*mailing.Letter, error) {
			l := f.resetLetter(t, r.Email)
			l.Kind, l.LinkExpires = r.Kind, tx.Now.Add(time.Hour)
			return &l, nil
		}
		f.Register(auth.MailResetPassword, prepare)
		f.Register(auth.MailVerifyEmail, prepare)
		ask := func(kind auth.MailKind, to string, n int) (sent int) {
			t.Helper()
			for range n {
				f.mustAsk(t, "", mailing.Request{Kind: kind, Email: to})
				f.deliver(t)
				f.Clock.Advance(time.Second)
			}
			return len(f.post.take())
		}
		const many = 2 * mailing.PerHour
		if n := ask(auth.MailResetPassword, "ada@example.com", many); n != mailing.PerHour {
			t.Errorf("%d mails in an hour", n)
		}
		if n := ask(auth.MailResetPassword, "ADA@example.com", many); n != 0 {
			t.Errorf("%d further mails to another spelling", n)
		}
		if n := ask(auth.MailVerifyEmail, "ada@example.com", many); n != mailing.PerHour {
			t.Errorf("%d mails of another kind", n)
		}
		if n := ask(auth.MailResetPassword, "bob@example.com", 1); n != 1 {
			t.Errorf("%d mails to somebody else", n)
		}
		f.Clock.Advance(time.Hour)
		if n := ask(auth.MailResetPassword, "ada@example.com", many); n != mailing.PerDay-mailing.PerHour {
			t.Errorf("%d mails in the second hour", n)
		}
		f.Clock.Advance(time.Hour)
		if n := ask(auth.MailResetPassword, "ada@example.com", many); n != 1 { // else the owner would have no valid link
			t.Errorf("%d mails in the third hour", n)
		}
		last := f.rows(t)[len(f.rows(t))-1]
		if last.State != auth.MailDropped || last.Recipient != nil || last.Content != nil ||
			*last.LastError != "limit: too many mails of this kind to the recipient" {
			t.Errorf("got %+v", last)
		}
		f.Clock.Advance(24 * time.Hour)
		if n := ask(auth.MailResetPassword, "ada@example.com", 1); n != 1 {
			t.Errorf("%d mails on the next day", n)
		}
		// What Send writes is never dropped: otherwise a thief could hide a notice behind many others.
		for range 2 * mailing.PerDay {
			f.notice(t, "ada@example.com")
		}
		f.deliver(t)
		if n := len(f.post.take()); n != 2*mailing.PerDay {
			t.Errorf("%d notices", n)
		}
	})
}

// TestDroppedRollsBack undoes what a mail over the limit has prepared, so the secret of the mail before stays valid.
func TestDroppedRollsBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, f *fixture) {
		f.Register(auth.MailResetPassword, func(ctx context.Context, tx *transaction.Tx, _ *mailing.Request) (*mailing.Letter, error) {
			l := f.resetLetter(t, "ada@example.com")
			return &l, tx.Record(ctx, auth.AuditEvent{Kind: auth.EventSignup})
		})
		for range mailing.PerHour + 3 {
			f.mustAsk(t, "", mailing.Request{Kind: auth.MailResetPassword})
			f.deliver(t)
		}
		if n := len(f.NewEvents(t)); n != mailing.PerHour {
			t.Errorf("%d mails were prepared", n)
		}
	})
}

// TestNetworkLimit limits the notices to addresses that nobody has verified, whomever one network causes them to.
func TestNetworkLimit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, first, second string
		together            bool // the two count as one network
		limited             bool // there is a limit
	}{
		{"IPv4", "192.0.2.1", "192.0.2.1", true, true},
		{"another IPv4 address", "192.0.2.1", "192.0.2.2", false, true},
		{"IPv4 in IPv6", "192.0.2.1", "::ffff:192.0.2.1", true, true},
		{"the same /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true, true},
		{"another /64", "2001:db8:1:2::1", "2001:db8:1:3::1", false, true},
		{"with a zone", "fe80::1%eth0", "fe80::2%eth1", true, true},
		{"this machine", "127.0.0.1", "127.8.8.8", false, false},
		{"this machine by IPv6", "::1", "::1", false, false},
		{"this machine, IPv4 in IPv6", "::ffff:127.0.0.1", "::ffff:127.0.0.1", false, false},
		{"no network", "", "", false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, f *fixture) {
				n := 0
				notify := func(from string) (written bool) {
					t.Helper()
					n++
					before := len(f.rows(t))
					u := &auth.User{ID: uuid.New()}
					err := f.do(clientAt(t, from), func(ctx context.Context, tx *transaction.Tx) error {
						return f.Notify(ctx, tx, u, mailing.About(u, auth.MailPasswordChanged, name(t, fmt.Sprintf("user%d@example.com", n))))
					})
					if err != nil {
						t.Fatal(err)
					}
					return len(f.rows(t)) > before
				}
				for range mailing.NoticesPerHour {
					if !notify(tt.first) {
						t.Fatal("a notice below the limit was left out")
					}
				}
				for from, limited := range map[string]bool{tt.first: tt.limited, tt.second: tt.together} {
					if got := notify(from); got == limited {
						t.Errorf("from %s: written is %t", from, got)
					}
				}
				f.Clock.Advance(time.Hour + time.Microsecond)
				if !notify(tt.first) {
					t.Error("a notice an hour later was left out")
				}
			})
		})
	}
}

// TestNoSecretAtRest looks for the token and the code of a mail in every column of every table, in every state of the
// mail, and in the log.
func TestNoSecretAtRest(t *testing.T) {
	t.Parallel()
	storetest.EachWithSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) {
		f := newFixture(t, authtest.New(t, s))
		f.Register(auth.MailResetPassword, func(_ context.Context, _ *transaction.Tx, r *mailing.Request) (*mailing.Letter, error) {
			l := f.resetLetter(t, r.Email)
			return &l, nil
		})
		for _, outcome := range []mail.Outcome{mail.Temporary, mail.Unknown, mail.Permanent, ""} {
			f.post.answer = func(_ context.Context, m mail.Message) error {
				if m.Token != testToken || m.Code != testCode {
					t.Errorf("the mail has other secrets: %q, %q", m.Token, m.Code)
				}
				if outcome == "" {
					return nil
				}
				return refuse(outcome, "recipient", 0)
			}
			f.mustAsk(t, "", mailing.Request{Kind: auth.MailResetPassword, Email: "ada@example.com"})
			f.deliver(t)
			values := 0
			for _, table := range []string{"mail_messages", "mailed_secrets", "audit_events"} {
				values += withoutSecret(t, db, table)
			}
			if values == 0 {
				t.Error("no values")
			}
		}
		if log := f.Log.Take(); !strings.Contains(log, "mail") || strings.Contains(log, testToken) || strings.Contains(log, testCode) {
			t.Errorf("log: %s", log)
		}
		states := map[auth.MailState]int{}
		for _, m := range f.rows(t) {
			states[m.State]++
		}
		if states[auth.MailQueued] != 2 || states[auth.MailFailed] != 1 || states[auth.MailSent] != 1 {
			t.Errorf("states %v", states)
		}
	})
}

// withoutSecret checks all values of a table, and returns how many there are.
func withoutSecret(t *testing.T, db *sql.DB, table string) (values int) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table) //nolint:unqueryvet // Every column is meant.
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	var secrets [][]byte
	for _, secret := range []string{testToken, testCode} {
		raw := []byte(secret)
		secrets = append(secrets, raw, []byte(base64.StdEncoding.EncodeToString(raw)[:7]), []byte(hex.EncodeToString(raw)))
	}
	for rows.Next() {
		found := make([]sql.RawBytes, len(columns))
		into := make([]any, len(columns))
		for i := range found {
			into[i] = &found[i]
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i, value := range found {
			values++
			if slices.ContainsFunc(secrets, func(secret []byte) bool { return bytes.Contains(value, secret) }) {
				t.Errorf("%s.%s has a secret: %q", table, columns[i], []byte(value))
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return values
}
