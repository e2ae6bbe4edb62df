package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// Batch sends mails one after the other and keeps its connection in between. It is not safe for concurrent use.
type Batch struct {
	m    *Mailer
	conn *connection
}

// Batch returns a Batch, which connects when it sends. The caller must close it.
func (m *Mailer) Batch() *Batch { return &Batch{m: m} }

// Send sends one mail, see Batch.Send.
func (m *Mailer) Send(ctx context.Context, mail *Mail) (reply string, err error) {
	b := m.Batch()
	defer b.Close() //nolint:contextcheck // QUIT is sent even if ctx has ended
	return b.Send(ctx, mail)
}

// Send sends a mail and returns the server's reply. The error is an *Error. The batch may be used further.
func (b *Batch) Send(ctx context.Context, mail *Mail) (reply string, err error) {
	reused := b.conn != nil
	reply, failure := b.send(ctx, mail)
	// Servers close idle connections, and limit the mails of one. That shows at the first command, when nothing
	// has been sent, so one more attempt on a new connection is safe.
	if failure != nil && reused && b.conn == nil && failure.Step == string(naming) && ctx.Err() == nil {
		reply, failure = b.send(ctx, mail)
	}
	if failure != nil {
		return "", failure
	}
	return reply, nil
}

func (b *Batch) send(ctx context.Context, mail *Mail) (string, *Error) {
	if b.conn == nil {
		conn, failure := b.m.connect(ctx)
		if failure != nil {
			return "", failure
		}
		b.conn = conn
	}
	reply, failure := b.conn.send(ctx, mail)
	if failure != nil && !b.conn.reset(ctx, failure) {
		b.conn.close()
		b.conn = nil
	}
	return reply, failure
}

// Close ends the connection.
func (b *Batch) Close() {
	if b.conn == nil {
		return
	}
	_ = b.conn.within(context.Background(), quitTimeout, b.conn.client.Quit)
	b.conn.close()
	b.conn = nil
}

const quitTimeout = 2 * time.Second

type connection struct {
	net      net.Conn // below TLS
	client   *smtp.Client
	timeouts Timeouts
	server   Server
}

func (c *connection) close() { _ = c.net.Close() }

// within calls f, which uses the connection, and ends it after a timeout or with ctx.
func (c *connection) within(ctx context.Context, timeout time.Duration, f func() error) error {
	// The deadline is that of the timeout alone, so that an error tells whether ctx or the timeout has ended.
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	deadline, _ := limited.Deadline()
	if err := c.net.SetDeadline(deadline); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { _ = c.net.SetDeadline(time.Unix(1, 0)) })()
	return f()
}

// connect connects to the server, secures the connection and signs in.
func (m *Mailer) connect(ctx context.Context) (_ *connection, failure *Error) {
	if m.server.host == "" {
		return nil, refuse(connecting, Temporary, "no SMTP server is configured")
	}
	limited, cancel := context.WithTimeout(ctx, m.options.Timeouts.Connect)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(limited, "tcp", m.server.String())
	if err != nil {
		return nil, newError(ctx, connecting, err, m.server.secrets())
	}
	c := &connection{net: raw, timeouts: m.options.Timeouts, server: m.server}
	defer func() {
		if failure != nil {
			c.close()
		}
	}()
	at := connecting
	if err := c.within(limited, m.options.Timeouts.Connect, func() error { return c.open(limited, m, &at) }); err != nil {
		if failure, ok := errors.AsType[*Error](err); ok {
			return nil, failure
		}
		return nil, newError(ctx, at, err, m.server.secrets())
	}
	return c, nil
}

// open speaks SMTP until mails can be sent. It sets at to the current step.
func (c *connection) open(ctx context.Context, m *Mailer, at *step) (err error) {
	secure := &tls.Config{ServerName: m.server.host, RootCAs: m.options.Roots, MinVersion: tls.VersionTLS12}
	conn := c.net
	switch {
	case m.server.tls:
		*at = securing
		encrypted := tls.Client(c.net, secure)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			return err
		}
		conn, *at = encrypted, connecting
	case m.server.loopback && !isLoopback(c.net.RemoteAddr()): // localhost has another address
		return refuse(securing, Temporary, "the server is not on this machine, so it needs TLS")
	}
	if c.client, err = smtp.NewClient(conn, m.server.host); err != nil {
		return err
	}
	if err := c.client.Hello(hostname()); err != nil {
		return err
	}
	if !m.server.tls && !m.server.loopback {
		*at = securing
		// Without this check, whoever controls the network could remove the offer and read everything
		// (RFC 3207 §6).
		if offered, _ := c.client.Extension("STARTTLS"); !offered {
			return refuse(securing, Temporary, "the server does not offer STARTTLS. Use smtps:// if it expects TLS from the start")
		}
		if err := c.client.StartTLS(secure); err != nil {
			return err
		}
	}
	if m.server.username == "" {
		return nil
	}
	*at = authenticating
	_, offered := c.client.Extension("AUTH")
	auth := m.server.auth(strings.Fields(offered))
	if auth == nil {
		return refuse(authenticating, Temporary, "the server offers none of SCRAM-SHA-256, SCRAM-SHA-1, PLAIN and LOGIN, but ", clean(offered, maxText))
	}
	return c.client.Auth(auth)
}

// auth returns the strongest mechanism that the server offers, or nil. SCRAM does not reveal the password. The
// others do, but only within TLS or on loopback.
func (s Server) auth(offered []string) smtp.Auth {
	for _, mechanism := range []struct {
		name string
		auth func() smtp.Auth
	}{
		{"SCRAM-SHA-256", func() smtp.Auth { return smtp.ScramSHA256Auth(s.username, s.password()) }},
		{"SCRAM-SHA-1", func() smtp.Auth { return smtp.ScramSHA1Auth(s.username, s.password()) }},
		{"PLAIN", func() smtp.Auth { return smtp.PlainAuth("", s.username, s.password(), s.host, s.loopback) }},
		{"LOGIN", func() smtp.Auth { return smtp.LoginAuth(s.username, s.password(), s.host, s.loopback) }},
	} {
		if slices.ContainsFunc(offered, func(name string) bool { return strings.EqualFold(name, mechanism.name) }) {
			return mechanism.auth()
		}
	}
	return nil
}

func isLoopback(addr net.Addr) bool {
	at, err := netip.ParseAddrPort(addr.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// send transfers one mail.
func (c *connection) send(ctx context.Context, mail *Mail) (reply string, _ *Error) {
	secrets := slices.Concat(c.server.secrets(), mail.secrets)
	international := mail.from.needsUTF8() || mail.to.needsUTF8()
	if offered, _ := c.client.Extension("SMTPUTF8"); international && !offered {
		return "", refuse(addressing, Permanent, "the server accepts only addresses in ASCII (it has no SMTPUTF8)")
	}
	// A server may return an SMTPUTF8 mail that the next server does not support, so only ask for it if needed.
	c.client.SkipSMTPUTF8(!international)
	var end *smtp.DataCloser
	for _, phase := range []struct {
		at      step
		timeout time.Duration
		do      func() error
	}{
		{naming, c.timeouts.Command, func() error { return c.client.Mail("<" + mail.from.Addr + ">") }},
		{addressing, c.timeouts.Command, func() error { return c.client.Rcpt("<" + mail.to.Addr + ">") }},
		{announcing, c.timeouts.Command, func() error {
			w, err := c.client.Data()
			if err != nil {
				return err
			}
			end, _ = w.(*smtp.DataCloser)
			return nil
		}},
		{transferring, c.timeouts.Command, func() error { _, err := end.Write(mail.raw); return err }},
		{finishing, c.timeouts.Accept, func() error { return end.Close() }},
	} {
		if err := c.within(ctx, phase.timeout, phase.do); err != nil {
			return "", newError(ctx, phase.at, err, secrets)
		}
	}
	return shorten(redact(clean(end.ServerResponse(), 10*maxReply), mail.secrets), maxReply), nil
}

// reset makes the connection ready for the next mail after a failure, and reports whether it can be used.
// Without a reply to the last command, or with a reply 421, the connection is lost.
func (c *connection) reset(ctx context.Context, failure *Error) bool {
	if failure.Code == 0 && failure.Outcome == Permanent { // nothing was sent
		return true
	}
	if failure.Code == 0 || failure.Code == closing || ctx.Err() != nil {
		return false
	}
	return c.within(ctx, c.timeouts.Command, c.client.Reset) == nil
}

// closing is the reply code of a server that closes the connection (RFC 5321 §4.2.2).
const closing = 421

// Probe connects to the server, secures the connection, signs in and asks for an answer. It sends nothing. The error is
// an *Error.
func (m *Mailer) Probe(ctx context.Context) error {
	c, failure := m.connect(ctx)
	if failure != nil {
		return failure
	}
	defer c.close()
	if err := c.within(ctx, c.timeouts.Command, c.client.Noop); err != nil {
		return newError(ctx, connecting, err, m.server.secrets())
	}
	_ = c.within(ctx, quitTimeout, c.client.Quit)
	return nil
}
