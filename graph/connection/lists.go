package connection

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/sessions"
	"usher/internal/seal"
)

// Lists reads the lists of the schema. It is safe for concurrent use.
type Lists struct {
	admin    *admin.Service
	sessions *sessions.Service
	cursors  seal.Key
}

// New returns Lists. The key of the cursors is derived from the server's secret.
func New(admin *admin.Service, sessions *sessions.Service, secrets *seal.Secrets) (*Lists, error) {
	cursors, err := seal.NewKey(secrets, "usher cursor")
	if err != nil {
		return nil, err
	}
	return &Lists{admin: admin, sessions: sessions, cursors: cursors}, nil
}

// UserConnection is a page of users.
type UserConnection struct {
	Edges    []UserEdge
	PageInfo PageInfo
}

// UserEdge is a user in a page.
type UserEdge struct {
	Cursor string
	Node   *auth.User
}

// Users lists a page of users. Cursors are those of pages in the same order. Without an order the newest users are
// first. Only administrators may call it.
func (l *Lists) Users(ctx context.Context, a PageArguments, filter *admin.UserFilter, order *admin.UserOrder) (*UserConnection, error) {
	found, err := l.admin.Users(ctx, filter, order)
	if err != nil {
		return nil, err
	}
	users := list[auth.PlacedUser, auth.UserPosition]{
		scope: fmt.Sprintf("users by %s %s", found.Order.Field, found.Order.Direction),
		read: func(page auth.Page[auth.UserPosition]) ([]auth.PlacedUser, error) {
			return found.Read(ctx, page)
		},
		position: positionOfUser,
		parse:    parseUserPosition,
	}
	edges, info, err := page(l.cursors, users, a, func(cursor string, u *auth.PlacedUser) UserEdge {
		return UserEdge{Cursor: cursor, Node: &u.User}
	})
	if err != nil {
		return nil, err
	}
	return &UserConnection{Edges: edges, PageInfo: info}, nil
}

func positionOfUser(u *auth.PlacedUser) []byte {
	return append(u.Position.ID[:], u.Position.Key...)
}

func parseUserPosition(content []byte) (p auth.UserPosition, err error) {
	n := min(len(content), len(p.ID))
	p.ID, err = uuid.FromBytes(content[:n])
	p.Key = string(content[n:])
	return p, err
}

// AuditEventConnection is a page of the audit log.
type AuditEventConnection struct {
	Edges    []AuditEventEdge
	PageInfo PageInfo
}

// AuditEventEdge is an audit event in a page.
type AuditEventEdge struct {
	Cursor string
	Node   *auth.AuditEvent
}

// AuditEvents lists a page of the audit log, the newest events first. Only administrators may call it.
func (l *Lists) AuditEvents(ctx context.Context, a PageArguments, filter *admin.AuditEventFilter) (*AuditEventConnection, error) {
	events := list[auth.AuditEvent, uuid.UUID]{
		scope: "audit events",
		read: func(page auth.Page[uuid.UUID]) ([]auth.AuditEvent, error) {
			return l.admin.AuditEvents(ctx, filter, page)
		},
		position: positionOfEvent,
		parse:    uuid.FromBytes,
	}
	edges, info, err := page(l.cursors, events, a, func(cursor string, e *auth.AuditEvent) AuditEventEdge {
		return AuditEventEdge{Cursor: cursor, Node: e}
	})
	if err != nil {
		return nil, err
	}
	return &AuditEventConnection{Edges: edges, PageInfo: info}, nil
}

func positionOfEvent(e *auth.AuditEvent) []byte { return e.ID[:] }

// MailMessageConnection is a page of mails.
type MailMessageConnection struct {
	Edges    []MailMessageEdge
	PageInfo PageInfo
}

// MailMessageEdge is a mail in a page.
type MailMessageEdge struct {
	Cursor string
	Node   *auth.MailMessage
}

// MailMessages lists a page of the mails, the newest first. Only administrators may call it.
func (l *Lists) MailMessages(ctx context.Context, a PageArguments, filter *admin.MailMessageFilter) (*MailMessageConnection, error) {
	mails := list[auth.MailMessage, uuid.UUID]{
		scope: "mails",
		read: func(page auth.Page[uuid.UUID]) ([]auth.MailMessage, error) {
			return l.admin.MailMessages(ctx, filter, page)
		},
		position: func(m *auth.MailMessage) []byte { return m.ID[:] },
		parse:    uuid.FromBytes,
	}
	edges, info, err := page(l.cursors, mails, a, func(cursor string, m *auth.MailMessage) MailMessageEdge {
		return MailMessageEdge{Cursor: cursor, Node: m}
	})
	if err != nil {
		return nil, err
	}
	return &MailMessageConnection{Edges: edges, PageInfo: info}, nil
}

// OAuthClientConnection is a page of OAuth clients.
type OAuthClientConnection struct {
	Edges    []OAuthClientEdge
	PageInfo PageInfo
}

// OAuthClientEdge is an OAuth client in a page.
type OAuthClientEdge struct {
	Cursor string
	Node   *auth.Client
}

// OAuthClients lists a page of the OAuth clients, the oldest first. Only administrators may call it.
func (l *Lists) OAuthClients(ctx context.Context, a PageArguments) (*OAuthClientConnection, error) {
	clients := list[auth.Client, uuid.UUID]{
		scope: "oauth clients",
		read: func(page auth.Page[uuid.UUID]) ([]auth.Client, error) {
			return l.admin.OAuthClients(ctx, page)
		},
		position: func(c *auth.Client) []byte { return c.ID[:] },
		parse:    uuid.FromBytes,
	}
	edges, info, err := page(l.cursors, clients, a, func(cursor string, c *auth.Client) OAuthClientEdge {
		return OAuthClientEdge{Cursor: cursor, Node: c}
	})
	if err != nil {
		return nil, err
	}
	return &OAuthClientConnection{Edges: edges, PageInfo: info}, nil
}

// SessionConnection is a page of sessions.
type SessionConnection struct {
	Edges    []SessionEdge
	PageInfo PageInfo
}

// SessionEdge is a session in a page.
type SessionEdge struct {
	Cursor string
	Node   *auth.Session
}

// SessionsOf lists a page of the valid sessions of a user, the newest first. Only the user and administrators may call
// it.
func (l *Lists) SessionsOf(ctx context.Context, user *auth.User, a PageArguments) (*SessionConnection, error) {
	sessions := list[auth.Session, auth.SessionPosition]{
		scope: "sessions of " + user.ID.String(),
		read: func(page auth.Page[auth.SessionPosition]) ([]auth.Session, error) {
			return l.sessions.List(ctx, user.ID, page)
		},
		position: positionOfSession,
		parse:    parseSessionPosition,
	}
	edges, info, err := page(l.cursors, sessions, a, func(cursor string, session *auth.Session) SessionEdge {
		return SessionEdge{Cursor: cursor, Node: session}
	})
	if err != nil {
		return nil, err
	}
	return &SessionConnection{Edges: edges, PageInfo: info}, nil
}

func positionOfSession(s *auth.Session) []byte {
	position := binary.BigEndian.AppendUint64(nil, uint64(s.CreatedAt.UnixMicro()))
	return append(position, s.ID[:]...)
}

func parseSessionPosition(content []byte) (p auth.SessionPosition, err error) {
	n := min(len(content), 8)
	if p.ID, err = uuid.FromBytes(content[n:]); err != nil {
		return p, err
	}
	p.CreatedAt = time.UnixMicro(int64(binary.BigEndian.Uint64(content))).UTC() //nolint:gosec // It was written from an int64.
	return p, nil
}
