// Package mailing owns the outbox: the mails that the domain sends, from the row that is written with the change that
// causes a mail to the SMTP server's answer.
//
// A mail is requested or posted in a transaction. A worker on each replica claims due mails, prepares those that were
// requested and sends them. What a mail contains is sealed in the database.
package mailing

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
	"usher/internal/mail"
	"usher/internal/observe"
	"usher/internal/request"
	"usher/internal/seal"
)

// Composer renders mails. *mail.Mailer is one.
type Composer interface {
	// Locale returns the locale of the templates that suits a reader best.
	Locale(tag, acceptLanguage string) string
	Compose(m mail.Message) (*mail.Mail, error)
}

// Transport sends mails one after the other. *mail.Batch is one.
type Transport interface {
	// Send returns the server's reply. Its errors are *mail.Error.
	Send(ctx context.Context, m *mail.Mail) (reply string, err error)
	Close()
}

// Post is how mails leave the server.
type Post struct {
	Composer Composer
	// Open returns a Transport, which the worker closes when there is nothing more to send.
	Open func() Transport
}

// Store is what the worker uses outside of transactions. Each write depends on the claim of the mail.
type Store interface {
	DueMails(ctx context.Context, now time.Time, limit int) ([]auth.MailMessage, error)
	UpdateMail(ctx context.Context, m *auth.MailMessage, state auth.MailState, attempts int) (bool, error)
	Mails(ctx context.Context, q auth.MailQuery) ([]auth.MailMessage, error)
	MailBacklog(ctx context.Context) (auth.MailBacklog, error)
	ResealMail(ctx context.Context, id uuid.UUID, from, to []byte) (bool, error)
}

// Options are what an Outbox needs. Without Post it sends nothing.
type Options struct {
	Store Store
	Tx    *transaction.Runner
	Post  *Post
	// Secrets is the server's secret. Post requires it.
	Secrets *seal.Secrets
	// Observer observes the attempts to send mails. Nil means that nothing does.
	Observer *observe.Observer
	Log      *slog.Logger
}

// Outbox accepts mails in transactions and sends them. It is safe for concurrent use.
type Outbox struct {
	store    Store
	tx       *transaction.Runner
	post     atomic.Pointer[Post] // nil if nothing is ever sent
	box      seal.Box
	observer *observe.Observer
	log      *slog.Logger
	prepares map[auth.MailKind]Prepare
	wake     chan struct{}
	grace    time.Duration
}

// New returns an Outbox.
func New(o Options) (*Outbox, error) {
	out := &Outbox{
		store: o.Store, tx: o.Tx, observer: o.Observer, log: o.Log,
		prepares: map[auth.MailKind]Prepare{}, wake: make(chan struct{}, 1), grace: stopGrace,
	}
	out.post.Store(o.Post)
	if o.Post == nil && o.Secrets == nil {
		return out, nil
	}
	var err error
	out.box, err = seal.NewBox(o.Secrets, "usher mail")
	return out, err
}

// Enabled reports whether this server sends mail.
func (o *Outbox) Enabled() bool { return o.post.Load() != nil }

// SetPost changes how mails leave the server. Attempts that are under way end with what they began with. It does nothing
// if the Outbox has no way to send mail, or if p is nil: whether mail is sent never changes.
func (o *Outbox) SetPost(p *Post) {
	if p != nil && o.Enabled() {
		o.post.Store(p)
	}
}

// Backlog returns the state of the queue.
func (o *Outbox) Backlog(ctx context.Context) (auth.MailBacklog, error) {
	return o.store.MailBacklog(ctx)
}

// Wake receives a value when there may be mails to send.
func (o *Outbox) Wake() <-chan struct{} { return o.wake }

// Request asks for a mail. What it leads to is decided when the mail is prepared, so that the request costs the same for
// every account and for none.
type Request struct {
	Kind auth.MailKind
	// UserID, Identifier and Email say for whom the mail is: an account, what somebody has typed, or an address.
	UserID     *uuid.UUID `json:",omitempty"`
	Identifier string     `json:",omitempty"`
	Email      string     `json:",omitempty"`
	// Flow is what the answer to the request contains. The code of the mail belongs to it.
	Flow string `json:",omitempty"`
	// Locale is a language tag; empty if unknown.
	Locale string `json:",omitempty"`
	// Roles are those of an invitation, and InvitedBy is the administrator; nil for the operator.
	Roles     []auth.Role `json:",omitempty"`
	InvitedBy *uuid.UUID  `json:",omitempty"`

	// From is the HTTP request. The Outbox sets it.
	From request.Info
}

// Letter is a mail to one recipient.
type Letter struct {
	Kind auth.MailKind
	// UserID is the user that the mail is about; nil for none.
	UserID *uuid.UUID `json:",omitempty"`
	To     identity.Name
	// Locale is the user's language tag; empty if unknown.
	Locale string `json:",omitempty"`
	// Username is how the mail addresses its reader; empty for nothing.
	Username string `json:",omitempty"`

	Token, Code              string    `json:",omitempty"`
	LinkExpires, CodeExpires time.Time `json:",omitzero"`
	// Due is when what the mail announces happens, and NewAddress the address that it is about.
	Due        time.Time `json:",omitzero"`
	NewAddress string    `json:",omitempty"`

	// From is the HTTP request that caused the mail. The Outbox sets it.
	From request.Info
}

// To returns a letter of a kind to the address of a user; nil if they have none.
func To(u *auth.User, kind auth.MailKind) *Letter {
	to, ok := u.EmailName()
	if !ok {
		return nil
	}
	return About(u, kind, to)
}

// About returns a letter of a kind about a user to any address.
func About(u *auth.User, kind auth.MailKind, to identity.Name) *Letter {
	l := &Letter{Kind: kind, UserID: &u.ID, To: to}
	if u.Locale != nil {
		l.Locale = *u.Locale
	}
	if u.Username != nil {
		l.Username = *u.Username
	}
	return l
}

// Prepare makes the letter of a request in a transaction; nil if there is nobody to write to. The context has the
// origin of the request, so events are recorded as if they had happened in it.
type Prepare func(ctx context.Context, tx *transaction.Tx, r *Request) (*Letter, error)

// Register says how requests for a kind of mail are prepared. It must be called before the first request.
func (o *Outbox) Register(kind auth.MailKind, p Prepare) { o.prepares[kind] = p }

const (
	// requestLifetime is how long a request may wait until it is prepared. Then the user has asked again, or given up.
	requestLifetime = time.Hour
	// noticeLifetime is how long a mail without a secret may wait for the SMTP server.
	noticeLifetime = 3 * 24 * time.Hour
	// noticesPerHour limits the notices to addresses that nobody has verified, which one network causes.
	noticesPerHour = 30
)

// Request writes a request for a mail in a transaction. Without a way to send mail it returns auth.ErrMailDisabled. The
// schema limits how often clients can request mails.
func (o *Outbox) Request(ctx context.Context, tx *transaction.Tx, r Request) error {
	if !o.Enabled() {
		return auth.ErrMailDisabled
	}
	r.From = request.From(ctx)
	m := &auth.MailMessage{Kind: r.Kind, UserID: r.UserID, ExpiresAt: tx.Now.Add(requestLifetime)}
	return o.add(ctx, tx, m, r)
}

// Send writes a letter in a transaction. Without a way to send mail it does nothing.
func (o *Outbox) Send(ctx context.Context, tx *transaction.Tx, l Letter) error {
	return o.send(ctx, tx, &l, nil)
}

func (o *Outbox) send(ctx context.Context, tx *transaction.Tx, l *Letter, asker *string) error {
	if !o.Enabled() {
		return nil
	}
	l.From = request.From(ctx)
	m := &auth.MailMessage{Prepared: true, Asker: asker}
	l.describe(m, tx.Now)
	return o.add(ctx, tx, m, l)
}

// Notify tells a user in a transaction that something has happened, with a letter from To. It does nothing for a nil
// letter, and if the server sends no mail.
//
// Anybody can sign up with the address of another person and then cause notices. So those to an address that is not
// verified are limited for each recipient and each network, and left out above the limit. Those to a verified one are
// not: otherwise a thief could hide a notice behind many others.
func (o *Outbox) Notify(ctx context.Context, tx *transaction.Tx, u *auth.User, l *Letter) error {
	if l == nil || !o.Enabled() {
		return nil
	}
	if u.EmailVerifiedAt != nil {
		return o.Send(ctx, tx, *l)
	}
	// The deletion of an account makes Usher forget whom it has mailed, but not for which network.
	by := asker(request.From(ctx).Client)
	if by != nil {
		n, err := tx.CountMailsAsked(ctx, *by, tx.Now.Add(-time.Hour))
		if err != nil || n >= noticesPerHour {
			return err
		}
	}
	if tooMany, err := o.TooMany(ctx, tx, l.To, l.Kind); err != nil || tooMany {
		return err
	}
	return o.send(ctx, tx, l, by)
}

// describe sets what the row of a letter shows.
func (l *Letter) describe(m *auth.MailMessage, now time.Time) {
	m.Kind, m.UserID, m.Recipient, m.RecipientKey = l.Kind, l.UserID, &l.To.Display, &l.To.Key
	m.ExpiresAt = now.Add(noticeLifetime)
	if !l.LinkExpires.IsZero() && l.LinkExpires.Before(m.ExpiresAt) {
		m.ExpiresAt = l.LinkExpires
	}
}

func (o *Outbox) add(ctx context.Context, tx *transaction.Tx, m *auth.MailMessage, content any) (err error) {
	if m.ID, err = o.tx.NewID(); err != nil {
		return err
	}
	m.State, m.CreatedAt, m.NextAttemptAt = auth.MailQueued, tx.Now, tx.Now
	if m.Content, err = o.seal(m.ID, content); err != nil {
		return err
	}
	if err := tx.AddMail(ctx, m); err != nil {
		return fmt.Errorf("add mail: %w", err)
	}
	tx.AfterCommit(o.wakeUp)
	return nil
}

func (o *Outbox) wakeUp() {
	select {
	case o.wake <- struct{}{}:
	default: // a call is pending
	}
}

// Retry queues a mail again that could not be sent, in a transaction. It reports false if there is nothing to send.
func (o *Outbox) Retry(ctx context.Context, tx *transaction.Tx, m *auth.MailMessage) (bool, error) {
	if !o.Enabled() {
		return false, auth.ErrMailDisabled
	}
	if m.State != auth.MailFailed || m.Content == nil || !tx.Now.Before(m.ExpiresAt) {
		return false, nil
	}
	m.State, m.NextAttemptAt = auth.MailQueued, tx.Now
	tx.AfterCommit(o.wakeUp)
	return tx.UpdateMail(ctx, m, auth.MailFailed, m.Attempts)
}

// asker returns the network of a client, which counts as one: an IPv4 address, or the /64 of IPv6 that one customer
// has. It is nil for this machine: that is an operator, or a proxy that is not trusted and stands for all clients.
func asker(client netip.Addr) *string {
	client = client.Unmap().WithZone("")
	if !client.IsValid() || client.IsLoopback() {
		return nil
	}
	bits := 32
	if client.Is6() {
		bits = 64
	}
	network, err := client.Prefix(bits)
	if err != nil {
		return nil
	}
	return new(network.String())
}

func (o *Outbox) seal(id uuid.UUID, content any) ([]byte, error) {
	plain, err := json.Marshal(content)
	if err != nil {
		return nil, fmt.Errorf("seal mail: %w", err)
	}
	return o.box.Encrypt(plain, id[:]), nil
}

func (o *Outbox) open(m *auth.MailMessage, content any) error {
	if m.Content == nil {
		return errors.New("the mail has no content")
	}
	plain, err := o.box.Decrypt(m.Content, m.ID[:])
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, content)
}
