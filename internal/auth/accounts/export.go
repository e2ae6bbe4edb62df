package accounts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/jsonobject"
)

const (
	// maxExported limits the events and the mails of an export, each.
	maxExported = 10_000
	// exportPage is how many rows are read at once.
	exportPage = 500
)

// export is the data that is kept about a user, as the text of a JSON object. Each part is written as soon as it is read,
// so that the text is all that stays in memory.
type export struct {
	store Store
	user  uuid.UUID
	now   time.Time
	text  strings.Builder
}

func (e *export) read(ctx context.Context) error {
	user, password, err := e.store.PasswordOf(ctx, e.user)
	if errors.Is(err, auth.ErrNotFound) { // deleted meanwhile
		return auth.Unauthenticated(auth.ReasonSessionEnded)
	}
	if err != nil {
		return err
	}
	var credentials []exportedCredential
	if password != nil {
		credentials = []exportedCredential{{Kind: password.Kind, CreatedAt: password.CreatedAt, UpdatedAt: password.UpdatedAt}}
	}
	factors, err := e.store.Factors(ctx, e.user)
	if err != nil {
		return err
	}
	for _, f := range factors {
		c := exportedCredential{Kind: f.Kind, Name: f.Name, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, LastUsedAt: f.LastUsedAt}
		if f.Kind == auth.CredentialIdentity {
			stored, err := proof.OpenIdentity(&f)
			if err != nil {
				return err
			}
			c.Identity = &stored
		}
		credentials = append(credentials, c)
	}
	e.text.WriteByte('{')
	for _, part := range []func() error{
		func() error { return e.member("createdAt", e.now) },
		func() error { return e.member("user", exportedUserOf(user)) },
		func() error { return e.member("credentials", credentials) },
		func() error { return e.sessions(ctx) },
		func() error { return e.mails(ctx, user) },
		func() error { return e.events(ctx) },
	} {
		if err := part(); err != nil {
			return err
		}
	}
	e.text.WriteByte('}')
	return nil
}

func (e *export) write(value any) error {
	text, err := jsonobject.Encode(value)
	e.text.Write(text)
	return err
}

func (e *export) name(name string) {
	if e.text.Len() > 1 {
		e.text.WriteByte(',')
	}
	e.text.WriteString(`"` + name + `":`)
}

func (e *export) member(name string, value any) error {
	e.name(name)
	return e.write(value)
}

// list writes a member that is a list of up to maxExported elements, and a member that says whether there are more.
// next returns nil at the end.
func (e *export) list(name string, next func() (any, error)) error {
	e.name(name)
	e.text.WriteByte('[')
	for n := 0; ; n++ {
		element, err := next()
		if err != nil {
			return err
		}
		if element == nil || n == maxExported {
			e.text.WriteByte(']')
			return e.member("more"+strings.ToUpper(name[:1])+name[1:], element != nil)
		}
		if n > 0 {
			e.text.WriteByte(',')
		}
		if err := e.write(element); err != nil {
			return err
		}
	}
}

// exportedUser is a user in an export.
type exportedUser struct {
	ID              uuid.UUID       `json:"id"`
	Username        *string         `json:"username"`
	Email           *string         `json:"email"`
	EmailVerifiedAt *time.Time      `json:"emailVerifiedAt"`
	PendingEmail    *string         `json:"pendingEmail"`
	FullName        *string         `json:"fullName"`
	Locale          *string         `json:"locale"`
	Roles           []auth.Role     `json:"roles"`
	Metadata        json.RawMessage `json:"metadata"`
	AppMetadata     json.RawMessage `json:"appMetadata"`
	CreatedAt       time.Time       `json:"createdAt"`
	UpdatedAt       time.Time       `json:"updatedAt"`
	LastSignInAt    *time.Time      `json:"lastSignInAt"`
	DisabledAt      *time.Time      `json:"disabledAt"`
	DeletionAt      *time.Time      `json:"deletionAt"`
}

func exportedUserOf(u *auth.User) exportedUser {
	return exportedUser{
		u.ID, u.Username, u.Email, u.EmailVerifiedAt, u.PendingEmail, u.FullName, u.Locale, u.Roles,
		json.RawMessage(u.Metadata.JSON()), json.RawMessage(u.AppMetadata.JSON()),
		u.CreatedAt, u.UpdatedAt, u.LastSignInAt, u.DisabledAt, u.DeletionAt,
	}
}

type exportedCredential struct {
	Kind       auth.CredentialKind `json:"kind"`
	Name       *string             `json:"name,omitempty"`
	CreatedAt  time.Time           `json:"createdAt"`
	UpdatedAt  time.Time           `json:"updatedAt"`
	LastUsedAt *time.Time          `json:"lastUsedAt,omitempty"`
	// Identity is the account at a provider.
	Identity *proof.StoredIdentity `json:"identity,omitempty"`
}

type exportedSession struct {
	ID         uuid.UUID     `json:"id"`
	CreatedAt  time.Time     `json:"createdAt"`
	LastUsedAt time.Time     `json:"lastUsedAt"`
	ExpiresAt  time.Time     `json:"expiresAt"`
	Methods    []auth.Method `json:"methods"`
	IPAddress  *string       `json:"ipAddress"`
	UserAgent  *string       `json:"userAgent"`
}

// sessions writes the sessions that have not ended, those that have expired too.
func (e *export) sessions(ctx context.Context) error {
	sessions := pages[auth.Session, auth.SessionPosition]{
		read: func(page auth.Page[auth.SessionPosition]) ([]auth.Session, error) {
			return e.store.Sessions(ctx, e.user, time.Unix(0, 0), time.Unix(0, 0), page)
		},
		position: func(s *auth.Session) auth.SessionPosition {
			return auth.SessionPosition{CreatedAt: s.CreatedAt, ID: s.ID}
		},
	}
	return e.list("sessions", func() (any, error) {
		s, err := sessions.next()
		if s == nil || err != nil {
			return nil, err
		}
		return exportedSession{s.ID, s.CreatedAt, s.LastUsedAt, s.ExpiresAt, s.Methods, s.IPAddress, s.UserAgent}, nil
	})
}

type exportedMail struct {
	Kind      auth.MailKind  `json:"kind"`
	State     auth.MailState `json:"state"`
	Recipient string         `json:"recipient"`
	CreatedAt time.Time      `json:"createdAt"`
	SentAt    *time.Time     `json:"sentAt"`
}

// mails writes the mails to the user. It leaves out those that confirm an address which is not the user's: whether there
// is one says whether the address belongs to somebody else.
func (e *export) mails(ctx context.Context, u *auth.User) error {
	address, _ := u.EmailName()
	mails := pages[auth.MailMessage, uuid.UUID]{
		read: func(page auth.Page[uuid.UUID]) ([]auth.MailMessage, error) {
			return e.store.Mails(ctx, auth.MailQuery{UserID: &e.user, Page: page})
		},
		position: func(m *auth.MailMessage) uuid.UUID { return m.ID },
	}
	return e.list("mails", func() (any, error) {
		for {
			m, err := mails.next()
			if m == nil || err != nil {
				return nil, err
			}
			if m.Recipient != nil && (m.Kind != auth.MailConfirmEmail || *m.RecipientKey == address.Key) {
				return exportedMail{m.Kind, m.State, *m.Recipient, m.CreatedAt, m.SentAt}, nil
			}
		}
	})
}

type exportedEvent struct {
	ID          uuid.UUID           `json:"id"`
	At          time.Time           `json:"at"`
	Kind        auth.AuditEventKind `json:"kind"`
	ActorID     *uuid.UUID          `json:"actorId,omitempty"`
	Operator    bool                `json:"operator,omitempty"`
	UserID      *uuid.UUID          `json:"userId,omitempty"`
	SessionID   *uuid.UUID          `json:"sessionId,omitempty"`
	ClientID    *uuid.UUID          `json:"clientId,omitempty"`
	Roles       []auth.Role         `json:"roles,omitempty"`
	Permissions []auth.Permission   `json:"permissions,omitempty"`
	Identifier  *string             `json:"identifier,omitempty"`
	IPAddress   *string             `json:"ipAddress,omitempty"`
	UserAgent   *string             `json:"userAgent,omitempty"`
	RequestID   *string             `json:"requestId,omitempty"`
}

// events writes the events that are about the user or that the user has caused, the newest first.
func (e *export) events(ctx context.Context) error {
	read := func(q auth.AuditEventQuery) *pages[auth.AuditEvent, uuid.UUID] {
		return &pages[auth.AuditEvent, uuid.UUID]{
			read: func(page auth.Page[uuid.UUID]) ([]auth.AuditEvent, error) {
				q.Page = page
				return e.store.Events(ctx, q)
			},
			position: func(event *auth.AuditEvent) uuid.UUID { return event.ID },
		}
	}
	about, by := read(auth.AuditEventQuery{UserID: &e.user}), read(auth.AuditEventQuery{ActorID: &e.user})
	return e.list("events", func() (any, error) {
		event, err := newest(about, by)
		if event == nil || err != nil {
			return nil, err
		}
		exported := exportedEvent{
			event.ID, event.At, event.Kind, event.ActorID, event.Operator, event.UserID, event.SessionID, event.ClientID,
			event.Roles, event.Permissions, event.Identifier, event.IPAddress, event.UserAgent, event.RequestID,
		}
		if event.ActorID != nil && *event.ActorID != e.user { // the device and the session of somebody else
			exported.IPAddress, exported.UserAgent, exported.RequestID, exported.SessionID = nil, nil, nil, nil
		}
		return exported, nil
	})
}

// newest takes the newer one of the next events of two lists, and once what is in both.
func newest(a, b *pages[auth.AuditEvent, uuid.UUID]) (*auth.AuditEvent, error) {
	first, err := a.peek()
	if err != nil {
		return nil, err
	}
	second, err := b.peek()
	switch {
	case err != nil:
		return nil, err
	case first == nil:
		return b.next()
	case second == nil:
		return a.next()
	}
	switch bytes.Compare(first.ID[:], second.ID[:]) {
	case -1:
		return b.next()
	case 0:
		if _, err := b.next(); err != nil {
			return nil, err
		}
	}
	return a.next()
}

// pages reads a list in pages.
type pages[T, P any] struct {
	read     func(page auth.Page[P]) ([]T, error)
	position func(*T) P

	rows []T
	last *P
	end  bool
}

// peek returns the next row; nil at the end.
func (p *pages[T, P]) peek() (*T, error) {
	if len(p.rows) == 0 && !p.end {
		rows, err := p.read(auth.Page[P]{After: p.last, Limit: exportPage})
		if err != nil {
			return nil, err
		}
		p.rows, p.end = rows, len(rows) < exportPage
	}
	if len(p.rows) == 0 {
		return nil, nil
	}
	return &p.rows[0], nil
}

// next takes the next row; nil at the end.
func (p *pages[T, P]) next() (*T, error) {
	row, err := p.peek()
	if row == nil || err != nil {
		return nil, err
	}
	p.rows = p.rows[1:]
	p.last = new(p.position(row))
	return row, nil
}
