package mailing_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/identity"
	"usher/internal/mail"
	"usher/internal/request"
	"usher/internal/seal"
)

const (
	testToken = "t0k3n-of-the-test-00000000000000000000000000"
	testCode  = "918273"
)

// fixture is an outbox on a real database.
type fixture struct {
	*authtest.Fixture
	*mailing.Outbox

	tx   *transaction.Runner
	post *post
}

// each runs a test on every kind of database.
func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	authtest.Each(t, func(t *testing.T, a *authtest.Fixture) { test(t, newFixture(t, a)) })
}

func newFixture(t testing.TB, a *authtest.Fixture) *fixture {
	t.Helper()
	f := &fixture{Fixture: a, post: newPost(t)}
	f.Outbox = f.newOutbox(t, f.post.Post(), authtest.Secrets)
	return f
}

// newOutbox returns the outbox of another replica.
func (f *fixture) newOutbox(t testing.TB, p *mailing.Post, secrets *seal.Secrets) *mailing.Outbox {
	t.Helper()
	log := slog.New(slog.NewTextHandler(f.Log, nil))
	f.tx = transaction.New(transaction.Options{
		Store: f.Store, IdleLimit: time.Hour, Now: f.Clock.Now, Rand: rand.Reader, Log: log,
	})
	o, err := mailing.New(mailing.Options{Store: f.Store, Tx: f.tx, Post: p, Secrets: secrets, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// do runs a transaction.
func (f *fixture) do(ctx context.Context, do func(ctx context.Context, tx *transaction.Tx) error) error {
	return f.tx.Run(ctx, transaction.Nobody, do)
}

// notice queues a mail without a secret.
func (f *fixture) notice(t testing.TB, to string) {
	t.Helper()
	f.send(t, mailing.Letter{Kind: auth.MailPasswordChanged, To: name(t, to)})
}

// reset queues a mail with a secret.
func (f *fixture) reset(t testing.TB, to string) {
	t.Helper()
	f.send(t, f.resetLetter(t, to))
}

func (f *fixture) resetLetter(t testing.TB, to string) mailing.Letter {
	t.Helper()
	return mailing.Letter{
		Kind: auth.MailResetPassword, To: name(t, to), Token: testToken, LinkExpires: f.Clock.Now().Add(time.Hour),
		Code: testCode, CodeExpires: f.Clock.Now().Add(10 * time.Minute),
	}
}

func (f *fixture) send(t testing.TB, letters ...mailing.Letter) {
	t.Helper()
	err := f.do(t.Context(), func(ctx context.Context, tx *transaction.Tx) error {
		for _, l := range letters {
			if err := f.Send(ctx, tx, l); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// ask requests a mail from an address.
func (f *fixture) ask(t testing.TB, from string, r mailing.Request) error {
	t.Helper()
	return f.do(clientAt(t, from), func(ctx context.Context, tx *transaction.Tx) error { return f.Request(ctx, tx, r) })
}

// clientAt returns the context of a request from an address; without one, of no request.
func clientAt(t testing.TB, address string) context.Context {
	t.Helper()
	if address == "" {
		return t.Context()
	}
	return request.With(t.Context(), &request.Exchange{Info: request.Info{Client: netip.MustParseAddr(address)}})
}

func (f *fixture) mustAsk(t testing.TB, from string, r mailing.Request) {
	t.Helper()
	if err := f.ask(t, from, r); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) deliver(t testing.TB) {
	t.Helper()
	if err := f.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// rows returns all mails, the oldest first.
func (f *fixture) rows(t testing.TB) []auth.MailMessage {
	t.Helper()
	mails, err := f.Store.Mails(t.Context(), auth.MailQuery{Page: auth.Page[uuid.UUID]{Limit: 10000}})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(mails)
	return mails
}

// row returns the only mail.
func (f *fixture) row(t testing.TB) auth.MailMessage {
	t.Helper()
	rows := f.rows(t)
	if len(rows) != 1 {
		t.Fatalf("%d mails, want 1", len(rows))
	}
	return rows[0]
}

// want fails the test unless the only mail has a state, a number of attempts and an error.
func (f *fixture) want(t testing.TB, state auth.MailState, attempts int, reason string) auth.MailMessage {
	t.Helper()
	m := f.row(t)
	got := ""
	if m.LastError != nil {
		got = *m.LastError
	}
	if m.State != state || m.Attempts != attempts || got != reason {
		t.Errorf("%s after %d attempts, error %q; want %s after %d, %q", m.State, m.Attempts, got, state, attempts, reason)
	}
	if kept := m.Content != nil; kept != (state == auth.MailQueued || state == auth.MailFailed) {
		t.Errorf("%s: content kept: %t", state, kept)
	}
	if (m.SentAt != nil) != (state == auth.MailSent) {
		t.Errorf("%s: sent at %v", state, m.SentAt)
	}
	return m
}

func name(t testing.TB, address string) identity.Name {
	t.Helper()
	n, err := identity.ParseEmail(address)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// post is an SMTP server whose answers a test decides.
type post struct {
	*mail.Mailer
	// answer is the answer to a mail; nil accepts all.
	answer func(ctx context.Context, m mail.Message) error
	// composing is called before a mail is rendered.
	composing func(m mail.Message) error

	mu       sync.Mutex
	composed map[string]mail.Message // by Message-ID
	sent     []mail.Message
	open     int // transports that are not closed
	sending  int
	most     int // the most mails at once
}

func newPost(t testing.TB) *post {
	t.Helper()
	m, err := mail.New(mail.Options{LinkURL: "https://app.example.com/account"})
	if err != nil {
		t.Fatal(err)
	}
	return &post{Mailer: m, composed: map[string]mail.Message{}}
}

func (p *post) Post() *mailing.Post {
	return &mailing.Post{Composer: p, Open: func() mailing.Transport {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.open++
		return p
	}}
}

func (p *post) Compose(m mail.Message) (*mail.Mail, error) {
	if p.composing != nil {
		if err := p.composing(m); err != nil {
			return nil, err
		}
	}
	composed, err := p.Mailer.Compose(m)
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.composed[composed.MessageID] = m
	}
	return composed, err
}

func (p *post) Send(ctx context.Context, m *mail.Mail) (string, error) {
	p.mu.Lock()
	message := p.composed[m.MessageID]
	p.sending++
	p.most = max(p.most, p.sending)
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sending--
	}()
	if p.answer != nil {
		if err := p.answer(ctx, message); err != nil {
			return "", err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, message)
	return "250 OK", nil
}

func (p *post) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
}

// take returns the mails since the last call.
func (p *post) take() []mail.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.sent
	p.sent = nil
	return sent
}

// wantSent fails the test unless these mails were sent since the last call, in any order.
func (p *post) wantSent(t testing.TB, want ...string) {
	t.Helper()
	var got []string
	for _, m := range p.take() {
		got = append(got, m.Template+" to "+m.To)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("sent %v, want %v", got, want)
	}
}

// refuse is the answer of an SMTP server.
func refuse(outcome mail.Outcome, step string, code int) *mail.Error {
	return &mail.Error{Outcome: outcome, Step: step, Code: code, Reason: "no"}
}
