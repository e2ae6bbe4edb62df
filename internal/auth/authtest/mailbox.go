package authtest

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"testing"

	"usher/internal/auth/domain"
	"usher/internal/auth/mailing"
	"usher/internal/mail"
)

// Mailbox receives the mails of a domain.
type Mailbox struct {
	// Refuse is called for each mail; its error is the SMTP server's answer. Nil accepts all.
	Refuse func(m mail.Message) *mail.Error

	composer *mail.Mailer
	mu       sync.Mutex
	composed map[string]mail.Message // by Message-ID
	sent     []mail.Message
}

// NoMail is the option Mail of a domain that sends none.
var NoMail = &mailing.Post{}

// newComposer returns the composer of all mailboxes. To parse the templates takes longer than many tests.
var newComposer = sync.OnceValues(func() (*mail.Mailer, error) {
	return mail.New(mail.Options{LinkURL: "https://app.example.com/account"})
})

// NewMailbox returns an empty Mailbox.
func NewMailbox(t testing.TB) *Mailbox {
	t.Helper()
	composer, err := newComposer()
	if err != nil {
		t.Fatal(err)
	}
	return &Mailbox{composer: composer, composed: map[string]mail.Message{}}
}

// Post returns the way into the mailbox.
func (b *Mailbox) Post() *mailing.Post {
	return &mailing.Post{Composer: b, Open: func() mailing.Transport { return b }}
}

// Locale implements mailing.Composer.
func (b *Mailbox) Locale(tag, acceptLanguage string) string {
	return b.composer.Locale(tag, acceptLanguage)
}

// Compose implements mailing.Composer.
func (b *Mailbox) Compose(m mail.Message) (*mail.Mail, error) {
	composed, err := b.composer.Compose(m)
	if err == nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.composed[composed.MessageID] = m
	}
	return composed, err
}

// Send implements mailing.Transport.
func (b *Mailbox) Send(_ context.Context, m *mail.Mail) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	message := b.composed[m.MessageID]
	if b.Refuse != nil {
		if err := b.Refuse(message); err != nil {
			return "", err
		}
	}
	b.sent = append(b.sent, message)
	return "250 OK", nil
}

// Close implements mailing.Transport.
func (b *Mailbox) Close() {}

// Take returns the mails since the last call, ordered by recipient and template.
func (b *Mailbox) Take() []mail.Message {
	b.mu.Lock()
	defer b.mu.Unlock()
	mails := b.sent
	b.sent = nil
	slices.SortFunc(mails, func(m, n mail.Message) int {
		return cmp.Or(cmp.Compare(m.To, n.To), cmp.Compare(m.Template, n.Template), cmp.Compare(m.ID, n.ID))
	})
	return mails
}

// NewMails sends what is due and returns the mails since the last call, ordered by recipient and template.
func (f *Fixture) NewMails(t testing.TB) []mail.Message {
	t.Helper()
	return f.NewMailsOf(t, f.Domain)
}

// NewMailsOf is NewMails for a domain from NewDomain.
func (f *Fixture) NewMailsOf(t testing.TB, d *domain.Domain) []mail.Message {
	t.Helper()
	if err := d.Outbox.Deliver(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f.Mailbox.Take()
}

// NewMail is NewMails for one mail of a template to an address. It fails the test if there are others.
func (f *Fixture) NewMail(t testing.TB, template, to string) mail.Message {
	t.Helper()
	mails := f.NewMails(t)
	if len(mails) != 1 || mails[0].Template != template || mails[0].To != to {
		t.Fatalf("mails %v, want one %s to %s", mails, template, to)
	}
	return mails[0]
}
