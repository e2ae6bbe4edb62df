package mail

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// server is an SMTP server that does what a test scripts. Its fields must be set before it starts.
type server struct {
	mechanisms []string                                    // of AUTH
	password   string                                      // the right one
	mail, rcpt func(s *server, address string) error       // answer the command
	data       func(s *server, c *smtp.Conn, n int) error  // answers the mail with the number n
	sasl       func(mechanism string) (sasl.Server, error) // replaces PLAIN and LOGIN
	cert       tls.Certificate
	noTLS      bool // STARTTLS is not offered
	implicit   bool // TLS from the start
	utf8       bool

	mutex     sync.Mutex
	mails     []delivered
	conns     map[*smtp.Conn]bool
	auths     []string
	rejected  bool // something was rejected
	encrypted bool // of the last mail
}

// delivered is a mail with its envelope.
type delivered struct {
	from, to, body string
	utf8           bool
}

// start runs the server on an address of loopback, and returns a Mailer for it. The name in the Mailer's URL is
// smtp.test unless the scheme is for loopback, so that TLS is required.
func (s *server) start(t *testing.T, change func(*Options)) *Mailer {
	t.Helper()
	if s.cert.Certificate == nil {
		s.cert = certificate(t, "127.0.0.1")
	}
	s.conns = map[*smtp.Conn]bool{}
	back := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.conns[c] = true // STARTTLS makes a second session
		return &session{server: s, conn: c}, nil
	}))
	back.ErrorLog = log.New(io.Discard, "", 0)
	back.Domain, back.AllowInsecureAuth, back.EnableSMTPUTF8 = "127.0.0.1", true, s.utf8
	if !s.noTLS {
		back.TLSConfig = &tls.Config{Certificates: []tls.Certificate{s.cert}, MinVersion: tls.VersionTLS12}
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if s.implicit {
		listener = tls.NewListener(listener, back.TLSConfig)
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
	return mailerFor(t, listener.Addr(), s, change)
}

// mailerFor returns a Mailer for the server at an address. It requires TLS, although the address is on loopback.
func mailerFor(t *testing.T, addr net.Addr, s *server, change func(*Options)) *Mailer {
	t.Helper()
	user := ""
	if s.mechanisms != nil {
		user = "ada:c4n4ry-password@"
	}
	scheme := map[bool]string{false: "smtp://", true: "smtps://"}[s.implicit]
	m := newMailer(t, func(o *Options) {
		o.Server = scheme + user + addr.String()
		o.Timeouts = Timeouts{Connect: 10 * time.Second, Command: 10 * time.Second, Accept: 10 * time.Second}
		o.Roots = x509.NewCertPool()
		for _, der := range s.cert.Certificate {
			parsed, err := x509.ParseCertificate(der)
			if err != nil {
				t.Fatal(err)
			}
			o.Roots.AddCert(parsed)
		}
		if change != nil {
			change(o)
		}
	})
	m.server.loopback = false
	return m
}

// certificate returns a certificate for an IP address that has signed itself.
func certificate(t *testing.T, ip string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.ParseIP(ip)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

type session struct {
	*server

	conn     *smtp.Conn
	signedIn bool
	now      delivered
}

func (s *session) AuthMechanisms() []string { return s.mechanisms }

func (s *session) Auth(mechanism string) (sasl.Server, error) {
	s.mutex.Lock()
	s.auths = append(s.auths, mechanism)
	s.mutex.Unlock()
	if s.sasl != nil {
		return s.sasl(mechanism)
	}
	check := func(user, password string) error {
		if user != "ada" || password != "c4n4ry-password" || s.password == "other" {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong password " + password}
		}
		s.signedIn = true
		return nil
	}
	if mechanism == "LOGIN" {
		return &loginServer{check: check}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error { return check(user, password) }), nil
}

// loginServer is the server's side of LOGIN, which go-sasl no longer has.
type loginServer struct {
	check func(user, password string) error
	step  int
	user  string
}

func (l *loginServer) Next(response []byte) ([]byte, bool, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte("Username:"), false, nil
	case 2:
		l.user = string(response)
		return []byte("Password:"), false, nil
	default:
		return nil, true, l.check(l.user, string(response))
	}
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	if s.mechanisms != nil && !s.signedIn {
		return smtp.ErrAuthRequired
	}
	s.now = delivered{from: from, utf8: o.UTF8}
	if s.mail != nil {
		return s.mail(s.server, from)
	}
	return nil
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.now.to = to
	if s.rcpt != nil {
		return s.rcpt(s.server, to)
	}
	return nil
}

func (s *session) Data(r io.Reader) error {
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.now.body = string(body)
	s.mutex.Lock()
	s.mails = append(s.mails, s.now)
	n := len(s.mails)
	_, s.encrypted = s.conn.TLSConnectionState()
	s.mutex.Unlock()
	if s.data != nil {
		return s.data(s.server, s.conn, n)
	}
	return nil
}

func (*session) Reset() {}

func (*session) Logout() error { return nil }

// received returns the mails and the number of connections.
func (s *server) received() ([]delivered, int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.mails), len(s.conns)
}

// script is a server that writes lines: a greeting, and then one answer for each line that it reads. The answer "."
// reads a mail up to its end, and the next one follows. After the last answer the server closes the connection, or
// if hung is not nil, closes hung when it has read a line that it never answers.
type script struct {
	answers []string
	hung    chan struct{}
}

// start runs the script for each connection until the test ends.
func (s *script) start(t *testing.T) net.Addr {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	done := make(chan struct{})
	group.Go(func() {
		for {
			conn, err := listener.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				t.Error(err)
				return
			}
			group.Go(func() {
				defer conn.Close()
				s.run(conn, done)
			})
		}
	})
	t.Cleanup(func() {
		close(done)
		_ = listener.Close()
		group.Wait()
	})
	return listener.Addr()
}

func (s *script) run(conn net.Conn, done chan struct{}) {
	lines := bufio.NewScanner(conn)
	for i, answer := range s.answers {
		if i > 0 && s.answers[i-1] != "." && !lines.Scan() {
			return
		}
		if answer != "." {
			if _, err := io.WriteString(conn, answer+"\r\n"); err != nil {
				return
			}
			continue
		}
		for lines.Text() != "." {
			if !lines.Scan() {
				return
			}
		}
	}
	if s.hung == nil {
		return
	}
	if n := len(s.answers); n > 0 && s.answers[n-1] != "." && !lines.Scan() {
		return
	}
	close(s.hung)
	<-done
}
