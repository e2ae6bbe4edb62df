package app_test

import (
	"io"
	"log"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"usher/internal/app"
	"usher/internal/auth/accounts"
	"usher/internal/auth/authtest"
	"usher/internal/config"
	"usher/internal/mail"
)

// smtpSink is an SMTP server that keeps mails.
type smtpSink struct {
	mu    sync.Mutex
	mails []string
}

func (s *smtpSink) NewSession(*smtp.Conn) (smtp.Session, error) { return s, nil }

func (*smtpSink) Mail(string, *smtp.MailOptions) error { return nil }
func (*smtpSink) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (*smtpSink) Reset()                               {}
func (*smtpSink) Logout() error                        { return nil }

func (s *smtpSink) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, string(text))
	return err
}

func (s *smtpSink) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

func startSMTP(t *testing.T) (*smtpSink, config.Secret) {
	t.Helper()
	sink := &smtpSink{}
	server := smtp.NewServer(sink)
	server.ErrorLog = log.New(io.Discard, "", 0)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	running.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() {
		_ = server.Close()
		running.Wait()
	})
	return sink, config.NewSecret("smtp://" + l.Addr().String())
}

// TestReloadMail sends mails before and after reloads that change the server, the sender, the link, the name of the
// application and the templates.
func TestReloadMail(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s app.Settings) {
		first, firstURL := startSMTP(t)
		second, secondURL := startSMTP(t)
		s.SMTPURL, s.LinkURL, s.AppName = firstURL, "https://old.example.com", "Old"
		s.MailFrom = mail.Address{Addr: "old@example.com"}
		a := newApp(t, s, io.Discard)
		if _, err := a.Domain.Accounts.Signup(t.Context(), accounts.SignupInput{Input: accounts.Input{
			Username: new("ada"), Email: new("ada@example.com"), Password: authtest.Password,
		}}); err != nil {
			t.Fatal(err)
		}
		send := func() {
			t.Helper()
			if got := post(t, a, `mutation { requestPasswordReset(input: {identifier: "ada"}) { flow } }`, nil).Body.String(); strings.Contains(got, "errors") {
				t.Fatal(got)
			}
			if err := a.Domain.Outbox.Deliver(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		send()
		next := s
		next.SMTPURL, next.LinkURL, next.AppName = secondURL, "https://new.example.com", "New"
		next.MailFrom, next.MailReplyTo = mail.Address{Addr: "new@example.com"}, mail.Address{Addr: "help@example.com"}
		next.MailLocale = "de"
		if err := a.Reload(t.Context(), next); err != nil {
			t.Fatal(err)
		}
		before := len(first.take())
		send()
		old, mails := first.take(), second.take()
		if len(old) != before || len(mails) != 1 {
			t.Fatalf("%d mails more by the first server, %d by the second", len(old)-before, len(mails))
		}
		last := mails[0]
		for _, want := range []string{`"New" <new@example.com>`, "help@example.com", "https://new.example.com/", "Content-Language: de"} {
			if !strings.Contains(last, want) {
				t.Errorf("the mail has no %q:\n%s", want, last)
			}
		}
		if strings.Contains(last, "old") || strings.Contains(last, "Old") {
			t.Errorf("the mail has something old:\n%s", last)
		}
	})
}
