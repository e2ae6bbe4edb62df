package mailing_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/mailing"
	"usher/internal/mail"
)

// smtpServer is an SMTP server on loopback.
type smtpServer struct {
	// rcpt answers a recipient, and data the mail with the number n that was transferred; nil accepts.
	rcpt func(to string) error
	data func(c *smtp.Conn, n int) error
	// tls makes the server expect TLS from the start, with a certificate that nobody trusts.
	tls bool

	mu    sync.Mutex
	mails []string // as transferred, whatever was answered
}

// start runs the server until the test ends, and returns its URL.
func (s *smtpServer) start(t testing.TB) string {
	t.Helper()
	back := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &smtpSession{s, c}, nil }))
	back.ErrorLog = log.New(io.Discard, "", 0)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "smtp://" + listener.Addr().String()
	if s.tls {
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{untrusted(t)}, MinVersion: tls.VersionTLS12})
		url = "smtps://" + listener.Addr().String()
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = back.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = back.Close()
		<-ended
	})
	return url
}

// arrived returns the mails that were transferred.
func (s *smtpServer) arrived() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mails
}

type smtpSession struct {
	*smtpServer

	conn *smtp.Conn
}

func (*smtpSession) Mail(string, *smtp.MailOptions) error { return nil }

func (s *smtpSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.rcpt == nil {
		return nil
	}
	return s.rcpt(to)
}

func (s *smtpSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.mails = append(s.mails, string(text))
	n := len(s.mails)
	s.mu.Unlock()
	if s.data == nil {
		return nil
	}
	return s.data(s.conn, n)
}

func (*smtpSession) Reset() {}

func (*smtpSession) Logout() error { return nil }

// untrusted returns a certificate for loopback that has signed itself.
func untrusted(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// postTo returns the way to an SMTP server.
func postTo(t testing.TB, url string, timeouts mail.Timeouts) *mailing.Post {
	t.Helper()
	m, err := mail.New(mail.Options{
		Server: url, From: mail.Address{Addr: "no-reply@example.com"}, LinkURL: "https://app.example.com/account", Timeouts: timeouts,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &mailing.Post{Composer: m, Open: func() mailing.Transport { return m.Batch() }}
}

// messageID returns the line of a mail with its Message-ID.
func messageID(t testing.TB, text string) string {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(strings.ToLower(line), "message-id:") {
			return line
		}
	}
	t.Fatalf("no Message-ID in %s", text)
	return ""
}

// TestSMTP sends mails by SMTP, with servers that behave in every way. A mail to somebody else is sent in each case,
// unless the server takes no mail at all.
func TestSMTP(t *testing.T) {
	t.Parallel()
	answer := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "no, ada@example.com"}
	}
	once := func(code int) func(*smtp.Conn, int) error {
		return func(_ *smtp.Conn, n int) error {
			if n == 1 {
				return answer(code)
			}
			return nil
		}
	}
	rcpt := func(code int) func(to string) error {
		first := make(chan struct{}, 1)
		return func(string) error {
			select {
			case first <- struct{}{}:
				return answer(code)
			default:
				return nil
			}
		}
	}
	type expected struct {
		state    auth.MailState
		reason   string
		attempts int
	}
	sent := expected{auth.MailSent, "", 2}
	for name, tt := range map[string]struct {
		server func() *smtpServer
		first  expected // after the first attempt
		then   expected // after the second one, if the server recovers
		times  int      // the mail was transferred
		all    bool     // the server behaves so for all mails
	}{
		"421 to the recipient": {
			func() *smtpServer { return &smtpServer{rcpt: rcpt(421)} },
			expected{auth.MailQueued, "recipient: 421 no, ada@example.com", 1},
			sent, 1, false,
		},
		"450 to the recipient": {
			func() *smtpServer { return &smtpServer{rcpt: rcpt(450)} },
			expected{auth.MailQueued, "recipient: 450 no, ada@example.com", 1},
			sent, 1, false,
		},
		"550 to the recipient": {
			func() *smtpServer { return &smtpServer{rcpt: rcpt(550)} },
			expected{auth.MailFailed, "recipient: 550 no, ada@example.com", 1},
			expected{auth.MailFailed, "recipient: 550 no, ada@example.com", 1},
			0, false,
		},
		"421 to the mail": {
			func() *smtpServer { return &smtpServer{data: once(421)} },
			expected{auth.MailQueued, "end of data: 421 no, ada@example.com", 1},
			sent, 2, false,
		},
		"451 to the mail": {
			func() *smtpServer { return &smtpServer{data: once(451)} },
			expected{auth.MailQueued, "end of data: 451 no, ada@example.com", 1},
			sent, 2, false,
		},
		"554 to the mail": {
			func() *smtpServer { return &smtpServer{data: once(554)} },
			expected{auth.MailFailed, "end of data: 554 no, ada@example.com", 1},
			expected{auth.MailFailed, "end of data: 554 no, ada@example.com", 1},
			1, false,
		},
		"hangs after the mail": {func() *smtpServer {
			return &smtpServer{data: func(c *smtp.Conn, n int) error {
				if n == 1 {
					_, _ = io.Copy(io.Discard, c.Conn()) // until the client gives up
				}
				return nil
			}}
		}, expected{auth.MailQueued, "end of data: no answer in time", 1}, sent, 2, false},
		"disconnects after the mail": {func() *smtpServer {
			return &smtpServer{data: func(c *smtp.Conn, n int) error {
				if n == 1 {
					_ = c.Conn().Close()
				}
				return nil
			}}
		}, expected{auth.MailQueued, "end of data: the server closed the connection", 1}, sent, 2, false},
		"untrusted certificate": {
			func() *smtpServer { return &smtpServer{tls: true} },
			expected{auth.MailQueued, "TLS: ", 1},
			expected{auth.MailQueued, "TLS: ", 2},
			0, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, f *fixture) {
				server := tt.server()
				f.Outbox = f.newOutbox(t, postTo(t, server.start(t), mail.Timeouts{Connect: 20 * time.Second, Command: 20 * time.Second, Accept: time.Second}), authtest.Secrets)
				f.reset(t, "ada@example.com")
				check := func(want expected) {
					t.Helper()
					f.deliver(t)
					m := f.rows(t)[0]
					reason := ""
					if m.LastError != nil {
						reason = *m.LastError
					}
					if got := (expected{m.State, reason, m.Attempts}); got != want && (!tt.all || !strings.HasPrefix(reason, want.reason)) {
						t.Errorf("got %+v, want %+v", got, want)
					}
				}
				check(tt.first)
				f.Clock.Advance(time.Millisecond) // so that it is the second row
				f.notice(t, "bob@example.com")
				f.deliver(t)
				if state := f.rows(t)[1].State; (state == auth.MailSent) == tt.all {
					t.Errorf("the mail to somebody else is %s", state)
				}
				f.Clock.Advance(mailing.FirstRetry)
				check(tt.then)
				f.Clock.Advance(mailing.LongestRetry)
				check(expected{tt.then.state, tt.then.reason, max(tt.then.attempts, f.rows(t)[0].Attempts)})

				ids := map[string]int{}
				times := 0
				for _, text := range server.arrived() {
					if strings.Contains(text, "To: <ada@example.com>") {
						times++
						ids[messageID(t, text)]++
					}
				}
				if times != tt.times || len(ids) > 1 {
					t.Errorf("the mail arrived %d times, want %d, with %d Message-IDs", times, tt.times, len(ids))
				}
				if log := f.Log.Take(); strings.Contains(log, "example.com") || strings.Contains(log, testToken) || strings.Contains(log, testCode) {
					t.Errorf("the log has an address or a secret: %s", log)
				}
			})
		})
	}
}
