package auth_test

import (
	"database/sql"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"usher/internal/auth/authtest"
	"usher/internal/mail"
	"usher/internal/request"
)

// dump writes all values of a table.
func dump(t *testing.T, db *sql.DB, table string, b *strings.Builder) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "SELECT * FROM "+table) //nolint:unqueryvet // every column
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for _, v := range values {
			if raw, ok := (*v.(*any)).([]byte); ok {
				fmt.Fprintf(b, "%s %x\n", raw, raw)
			} else {
				fmt.Fprintln(b, *v.(*any))
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}

// TestMailedSecretsStaySecret looks for the secrets of mails wherever the server writes, while they are valid and after.
func TestMailedSecretsStaySecret(t *testing.T) {
	t.Parallel()
	eachDatabaseWithSQL(t, func(t *testing.T, f *fixture, db *sql.DB) {
		f.signupEmail(t, "ada", adaAddress)
		var tried mail.Message
		f.Mailbox.Refuse = func(m mail.Message) *mail.Error {
			tried = m
			return &mail.Error{Step: "data", Outcome: mail.Temporary, Code: 451, Reason: "later"}
		}
		flow := f.requestReset(t, "ada")
		f.NewMails(t)
		if tried.Token == "" || tried.Code == "" {
			t.Fatalf("no mail was tried: %v", tried)
		}
		look := func(when string) {
			t.Helper()
			var b strings.Builder
			b.WriteString(f.Log.Take())
			for _, table := range []string{"mailed_secrets", "mail_messages", "audit_events", "users", "sessions"} {
				dump(t, db, table, &b)
			}
			if !strings.Contains(b.String(), adaAddress) {
				t.Fatal("the tables were not read")
			}
			for name, secret := range map[string]string{"token": tried.Token, "flow": flow, "password": otherPassword} {
				if strings.Contains(b.String(), secret) || strings.Contains(b.String(), hex.EncodeToString([]byte(secret))) {
					t.Errorf("%s, the server has written the %s", when, name)
				}
			}
			for line := range strings.Lines(b.String()) {
				if strings.TrimSpace(line) == tried.Code || strings.Contains(line, `"`+tried.Code+`"`) {
					t.Errorf("%s, the server has written the code: %s", when, line)
				}
			}
		}
		look("before the mail is sent")
		f.Mailbox.Refuse = nil
		f.Clock.Advance(time.Minute)
		f.NewMail(t, "reset-password", adaAddress)
		look("after it is sent")
		f.reset(t.Context(), withCode(flow, otherCode(tried.Code, 0), otherPassword))
		if got := f.reset(t.Context(), withToken(tried, otherPassword)); got != "" {
			t.Fatal(got)
		}
		f.NewMails(t)
		look("after the reset")
	})
}

// TestPasswordNotices changes passwords of users with an address and without.
func TestPasswordNotices(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		ada, bare := f.signupEmail(t, "ada", adaAddress), f.signup(t, "bare")
		ctx := request.With(f.As(t, ada.AccessToken), &request.Exchange{Info: request.Info{
			Client: netip.MustParseAddr("192.0.2.7"), UserAgent: "Test/1.0", AcceptLanguage: "de",
		}})
		if got := f.changePassword(ctx, "wrong", otherPassword); got != wrong {
			t.Fatal(got)
		}
		if mails := f.NewMails(t); mails != nil {
			t.Errorf("mails %v of a change that failed", mails)
		}
		if got := f.changePassword(ctx, authtest.Password, otherPassword); got != "" {
			t.Fatal(got)
		}
		m := f.NewMail(t, "password-changed", adaAddress)
		if m.Locale != "de" || m.IP.String() != "192.0.2.7" || m.Device != "Test/1.0" || m.Username != "ada" {
			t.Errorf("%+v, want the language and the origin of the request", m)
		}
		if err := f.SetPassword(t.Context(), ada.User, authtest.Password); err != nil {
			t.Fatal(err)
		}
		f.NewMail(t, "password-changed", adaAddress)
		if got := f.changePassword(f.As(t, bare.AccessToken), authtest.Password, otherPassword); got != "" {
			t.Fatal(got)
		}
		if mails := f.NewMails(t); mails != nil {
			t.Errorf("mails %v to a user without an address", mails)
		}
	})
}
