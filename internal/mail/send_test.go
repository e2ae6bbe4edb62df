package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

func compose(t *testing.T, m *Mailer, to string) *Mail {
	t.Helper()
	msg := m.sample("reset-password", "en")
	msg.To = to
	mail, err := m.Compose(msg)
	if err != nil {
		t.Fatal(err)
	}
	return mail
}

// fails checks why sending failed.
func fails(t *testing.T, err error, code int, outcome Outcome, at step, want string) {
	t.Helper()
	failure, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("got %v, which is no *Error", err)
	}
	if failure.Code != code || failure.Outcome != outcome || failure.Step != string(at) || !strings.Contains(failure.Error(), want) {
		t.Errorf("got %s at %q: %v; want %s at %q: %s", failure.Outcome, failure.Step, failure, outcome, at, want)
	}
	if text := failure.Error(); strings.ContainsAny(text, "\r\n\x1b") || len([]rune(text)) > 400 ||
		strings.Contains(text, "c4n4ry") || strings.Contains(text, "SAMPLE-n") || strings.Contains(text, "012345") {
		t.Errorf("the error is long, has several lines or contains a secret: %q", text)
	}
}

// TestSend sends mails by all ways to secure the connection and to sign in.
func TestSend(t *testing.T) {
	for name, s := range map[string]*server{
		"STARTTLS":      {},
		"TLS":           {implicit: true},
		"PLAIN":         {mechanisms: []string{"LOGIN", "PLAIN", "XOAUTH2"}},
		"LOGIN":         {mechanisms: []string{"LOGIN"}},
		"PLAIN on TLS":  {mechanisms: []string{"PLAIN"}, implicit: true},
		"with SMTPUTF8": {utf8: true},
	} {
		t.Run(name, func(t *testing.T) {
			m := s.start(t, nil)
			mail := compose(t, m, "ada@example.com")
			reply, err := m.Send(t.Context(), mail)
			if err != nil || !strings.Contains(reply, "OK: queued") {
				t.Fatalf("got %q, %v", reply, err)
			}
			mails, _ := s.received()
			if want := (delivered{"no-reply@example.com", "ada@example.com", string(mail.Bytes()), false}); len(mails) != 1 || mails[0] != want {
				t.Errorf("got %v, want %v", mails, want)
			}
			if !s.encrypted {
				t.Error("the connection was not encrypted")
			}
			if want := strings.TrimSuffix(name, " on TLS"); s.mechanisms != nil && fmt.Sprint(s.auths) != "["+want+"]" {
				t.Errorf("signed in by %v", s.auths)
			}
		})
	}
}

// scram rejects everybody, and notes what it was told first.
type scram struct{ first chan string }

func (s *scram) Next(response []byte) ([]byte, bool, error) {
	if response == nil {
		return []byte{}, false, nil
	}
	s.first <- string(response)
	return nil, false, smtp.ErrAuthFailed
}

// TestSCRAM checks that the password is not sent to a server that offers SCRAM.
func TestSCRAM(t *testing.T) {
	first := make(chan string, 1)
	s := &server{
		mechanisms: []string{"PLAIN", "LOGIN", "SCRAM-SHA-1", "SCRAM-SHA-256"},
		sasl:       func(string) (sasl.Server, error) { return &scram{first}, nil },
	}
	m := s.start(t, nil)
	_, err := m.Send(t.Context(), compose(t, m, "ada@example.com"))
	fails(t, err, 535, Temporary, authenticating, "535")
	if got := <-first; !strings.HasPrefix(got, "n,,n=ada,r=") || fmt.Sprint(s.auths) != "[SCRAM-SHA-256]" {
		t.Errorf("got %q by %v", got, s.auths)
	}
}

// TestRejected checks the outcome of answers to each command, and that the next mail of the batch is sent.
func TestRejected(t *testing.T) {
	answer := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "no\x1b[31m\r\n" + strings.Repeat("é", 1000)}
	}
	at := func(where step, code int) *server {
		reject := func(s *server, _ string) error {
			s.mutex.Lock()
			defer s.mutex.Unlock()
			if s.rejected {
				return nil
			}
			s.rejected = true
			return answer(code)
		}
		s := &server{}
		switch where {
		case naming:
			s.mail = reject
		case addressing:
			s.rcpt = reject
		default:
			s.data = func(_ *server, _ *smtp.Conn, n int) error {
				if n == 1 {
					return answer(code)
				}
				return nil
			}
		}
		return s
	}
	for _, tt := range []struct {
		at   step
		code int
		want Outcome
	}{
		{naming, 450, Temporary},
		{naming, 550, Temporary}, // the sender is the same for all mails
		{addressing, 450, Temporary},
		{addressing, 452, Temporary},
		{addressing, 550, Permanent},
		{addressing, 553, Permanent},
		{finishing, 451, Temporary},
		{finishing, 554, Permanent},
	} {
		t.Run(fmt.Sprint(tt.at, tt.code), func(t *testing.T) {
			s := at(tt.at, tt.code)
			m := s.start(t, nil)
			b := m.Batch()
			defer b.Close()
			_, err := b.Send(t.Context(), compose(t, m, "bad@example.com"))
			fails(t, err, tt.code, tt.want, tt.at, fmt.Sprint(tt.code, " no"))
			if _, err := b.Send(t.Context(), compose(t, m, "ada@example.com")); err != nil {
				t.Errorf("the next mail: %v", err)
			}
			if _, conns := s.received(); conns != 1 {
				t.Errorf("%d connections", conns)
			}
		})
	}
}

// TestAnswerQuotesSecret rejects a mail with an answer that quotes its link and its code.
func TestAnswerQuotesSecret(t *testing.T) {
	s := &server{data: func(s *server, _ *smtp.Conn, _ int) error {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "spam: " + s.mails[0].body[1000:3000]}
	}}
	m := s.start(t, nil)
	_, err := m.Send(t.Context(), compose(t, m, "ada@example.com"))
	fails(t, err, 554, Permanent, finishing, "554")
}

// ready are the answers of a server that accepts a mail, up to its text.
var ready = []string{"220 ready", "250 hello", "250 sender", "250 recipient", "354 go on"}

// TestFaults cuts and delays the conversation at every step.
func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		answers []string
		at      step
		want    Outcome
	}{
		{"greeting", nil, connecting, Temporary},
		{"EHLO", ready[:1], connecting, Temporary},
		{"MAIL", ready[:2], naming, Temporary},
		{"RCPT", ready[:3], addressing, Temporary},
		{"DATA", ready[:4], announcing, Temporary},
		{"mail", append(ready[:5:5], "."), finishing, Unknown},
	} {
		t.Run(tt.name+" and the connection ends", func(t *testing.T) {
			t.Parallel()
			m := plain(t, &script{answers: tt.answers})
			_, err := m.Send(t.Context(), compose(t, m, "ada@example.com"))
			fails(t, err, 0, tt.want, tt.at, "")
		})
		t.Run(tt.name+" and no answer", func(t *testing.T) {
			t.Parallel()
			m := plain(t, &script{tt.answers, make(chan struct{})})
			const short = 500 * time.Millisecond
			switch tt.at {
			case connecting:
				m.options.Timeouts.Connect = short
			case finishing:
				m.options.Timeouts.Accept = short
			default:
				m.options.Timeouts.Command = short
			}
			_, err := m.Send(t.Context(), compose(t, m, "ada@example.com"))
			fails(t, err, 0, tt.want, tt.at, "no answer in time")
		})
		t.Run(tt.name+" and cancelled", func(t *testing.T) {
			t.Parallel()
			hung := make(chan struct{})
			m := plain(t, &script{tt.answers, hung})
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-hung
				cancel()
			}()
			_, err := m.Send(ctx, compose(t, m, "ada@example.com"))
			fails(t, err, 0, tt.want, tt.at, "cancelled")
			if !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, tt := range []struct {
		name, answer string
		code, after  int
		at           step
		want         Outcome
	}{
		{"421 at once", "421 busy", 421, 0, connecting, Temporary},
		{"554 at once", "554 go away", 554, 0, connecting, Temporary},
		{"421 to DATA", "421 closing", 421, 4, announcing, Temporary},
		{"no number", "what?", 0, 2, naming, Temporary},
		{"no number to the mail", "what?", 0, 6, finishing, Unknown},
		{"odd number to the mail", "354 more", 354, 6, finishing, Unknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			answers := append(ready[:min(tt.after, 5):min(tt.after, 5)], tt.answer)
			if tt.after == 6 {
				answers = append(ready[:5:5], ".", tt.answer)
			}
			m := plain(t, &script{answers: answers})
			_, err := m.Send(t.Context(), compose(t, m, "ada@example.com"))
			fails(t, err, tt.code, tt.want, tt.at, "")
		})
	}
}

// plain returns a Mailer for a script, without TLS.
func plain(t *testing.T, s *script) *Mailer {
	t.Helper()
	return plainFor(t, s.start(t))
}

func plainFor(t *testing.T, addr net.Addr) *Mailer {
	t.Helper()
	return newMailer(t, func(o *Options) {
		o.Server = "smtp://" + addr.String()
		o.Timeouts = Timeouts{Connect: 30 * time.Second, Command: 30 * time.Second, Accept: 30 * time.Second}
	})
}

// TestInsecure checks that nothing is sent, and no password, if the connection is not secure.
func TestInsecure(t *testing.T) {
	other := certificate(t, "127.0.0.9")
	for name, tt := range map[string]struct {
		server *server
		change func(*Options)
		at     step
		code   int
		want   string
	}{
		"no STARTTLS":              {&server{noTLS: true, mechanisms: []string{"PLAIN"}}, nil, securing, 0, "does not offer STARTTLS"},
		"unknown issuer":           {&server{mechanisms: []string{"PLAIN"}}, func(o *Options) { o.Roots = x509.NewCertPool() }, securing, 0, "certificate"},
		"unknown issuer from TLS":  {&server{implicit: true}, func(o *Options) { o.Roots = x509.NewCertPool() }, securing, 0, "certificate"},
		"name of another":          {&server{cert: other}, nil, securing, 0, "certificate"},
		"name of another from TLS": {&server{cert: other, implicit: true}, nil, securing, 0, "certificate"},
		"wrong password":           {&server{mechanisms: []string{"PLAIN"}, password: "other"}, nil, authenticating, 535, "535"},
		"wrong password by LOGIN":  {&server{mechanisms: []string{"LOGIN"}, password: "other"}, nil, authenticating, 535, "535"},
		"no mechanism in common":   {&server{mechanisms: []string{"XOAUTH2"}}, nil, authenticating, 0, "but XOAUTH2"},
	} {
		t.Run(name, func(t *testing.T) {
			m := tt.server.start(t, tt.change)
			_, err := m.Send(t.Context(), compose(t, m, "ada@example.com"))
			fails(t, err, tt.code, Temporary, tt.at, tt.want)
			if mails, _ := tt.server.received(); len(mails) != 0 || tt.at == securing && len(tt.server.auths) != 0 {
				t.Errorf("got %v and %v", mails, tt.server.auths)
			}
		})
	}
	t.Run("TLS expected, plain server", func(t *testing.T) {
		m := mailerFor(t, (&script{answers: ready[:2]}).start(t), &server{implicit: true, cert: other}, nil)
		_, err := m.Send(t.Context(), compose(t, m, "ada@example.com"))
		fails(t, err, 0, Temporary, securing, "")
	})
	t.Run("nobody listens", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		m := plainFor(t, listener.Addr())
		_, err = m.Send(t.Context(), compose(t, m, "ada@example.com"))
		fails(t, err, 0, Temporary, connecting, "refused")
	})
	t.Run("no server", func(t *testing.T) {
		m := newMailer(t, nil)
		_, err := m.Send(t.Context(), compose(t, m, "ada@example.com"))
		fails(t, err, 0, Temporary, connecting, "no SMTP server")
	})
}

// TestLoopback sends without TLS, with a password.
func TestLoopback(t *testing.T) {
	s := &server{noTLS: true, mechanisms: []string{"PLAIN"}}
	m := s.start(t, nil)
	m.server.loopback = true
	if _, err := m.Send(t.Context(), compose(t, m, "ada@example.com")); err != nil {
		t.Error(err)
	}
	if mails, _ := s.received(); len(mails) != 1 || s.encrypted {
		t.Errorf("got %v", mails)
	}
}

// TestInternationalAddress sends to an address that is not ASCII. Such a domain needs no extension.
func TestInternationalAddress(t *testing.T) {
	for _, tt := range []struct {
		to, want string
		server   *server
		utf8     bool
	}{
		{"用户@例子.example", "用户@xn--fsqu00a.example", &server{utf8: true}, true},
		{"用户@例子.example", "", &server{}, false},
		{"ada@例子.example", "ada@xn--fsqu00a.example", &server{}, false},
		{"ada@例子.example", "ada@xn--fsqu00a.example", &server{utf8: true}, false},
	} {
		m := tt.server.start(t, nil)
		b := m.Batch()
		_, err := b.Send(t.Context(), compose(t, m, tt.to))
		if tt.want == "" {
			fails(t, err, 0, Permanent, addressing, "SMTPUTF8")
			if _, err := b.Send(t.Context(), compose(t, m, "ada@example.com")); err != nil {
				t.Errorf("the next mail: %v", err)
			}
		} else if mails, _ := tt.server.received(); err != nil || len(mails) != 1 || mails[0].to != tt.want || mails[0].utf8 != tt.utf8 {
			t.Errorf("%s: got %v, %v", tt.to, mails, err)
		}
		b.Close()
	}
}

// FuzzReply lets a server answer anything.
func FuzzReply(f *testing.F) {
	for _, seed := range []string{"220 ready\r\n", "220-a\r\n220 b\r\n", "\xff\x00", "999999 x", "554 SAMPLE-not-a-secret-000000"} {
		f.Add([]byte(seed))
	}
	m := newMailer(f, nil)
	mail, err := m.Sample("reset-password", "en")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		text := shorten(redact(clean(string(answer), 10*maxReply), mail.secrets), maxReply)
		if strings.ContainsAny(text, "\r\n\x00\x1b") || strings.Contains(text, mail.secrets[0]) || len([]rune(text)) > maxReply {
			t.Errorf("got %q", text)
		}
	})
}
