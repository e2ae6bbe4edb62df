package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// AuditEventKind says what happened: the schema's AuditEventKind.
type AuditEventKind string

// The kinds of events. The schema describes them.
const (
	EventSignup              AuditEventKind = "SIGNUP"
	EventLogin               AuditEventKind = "LOGIN"
	EventLoginFailed         AuditEventKind = "LOGIN_FAILED"
	EventReauthenticated     AuditEventKind = "REAUTHENTICATED"
	EventRefreshReplayed     AuditEventKind = "REFRESH_REPLAYED"
	EventRefreshReuse        AuditEventKind = "REFRESH_REUSE"
	EventLogout              AuditEventKind = "LOGOUT"
	EventSessionRevoked      AuditEventKind = "SESSION_REVOKED"
	EventTokenRevoked        AuditEventKind = "TOKEN_REVOKED"
	EventUserCreated         AuditEventKind = "USER_CREATED"
	EventUserUpdated         AuditEventKind = "USER_UPDATED"
	EventUserRolesChanged    AuditEventKind = "USER_ROLES_CHANGED"
	EventUserDisabled        AuditEventKind = "USER_DISABLED"
	EventUserEnabled         AuditEventKind = "USER_ENABLED"
	EventUserUnlocked        AuditEventKind = "USER_UNLOCKED"
	EventUserSessionsRevoked AuditEventKind = "USER_SESSIONS_REVOKED"
	EventUserDeleted         AuditEventKind = "USER_DELETED"
	EventClientCreated       AuditEventKind = "CLIENT_CREATED"
	EventClientDeleted       AuditEventKind = "CLIENT_DELETED"
)

// AuditEventKinds lists every kind there is.
var AuditEventKinds = []AuditEventKind{
	EventSignup, EventLogin, EventLoginFailed, EventReauthenticated,
	EventRefreshReplayed, EventRefreshReuse, EventLogout, EventSessionRevoked, EventTokenRevoked, EventUserCreated, EventUserUpdated, EventUserRolesChanged,
	EventUserDisabled, EventUserEnabled, EventUserUnlocked, EventUserSessionsRevoked, EventUserDeleted,
	EventClientCreated, EventClientDeleted,
}

// AuditEvent is a line of the audit log. It never holds a secret, and it is never changed.
type AuditEvent struct {
	ID   uuid.UUID
	At   time.Time
	Kind AuditEventKind
	// ActorID is the user who did it; nil when nobody was signed in.
	ActorID *uuid.UUID
	// Operator says that a command on the server's machine did it, and no request.
	Operator bool
	// UserID is whom it happened to, SessionID in which session, and ClientID to which OAuth client.
	UserID    *uuid.UUID
	SessionID *uuid.UUID
	ClientID  *uuid.UUID
	// Roles are what the user got with EventUserCreated and EventUserRolesChanged; otherwise nil.
	Roles []Role
	// IPAddress, UserAgent and RequestID say where it came from, when it came over HTTP.
	IPAddress *string
	UserAgent *string
	RequestID *string

	// Actor and User are those that ActorID and UserID name; nil when they are gone. AuditEvents
	// looks them up, a Store does not.
	Actor *User
	User  *User
}

// AuditStore keeps the audit log.
type AuditStore interface {
	// AddEvent writes a line of the audit log. Nothing changes or deletes it.
	AddEvent(ctx context.Context, e *AuditEvent) error
	// Events lists the lines of the audit log that a query asks for, the newest first.
	Events(ctx context.Context, q AuditEventQuery) ([]AuditEvent, error)
}

// AuditEventQuery asks for a page of the audit log. The zero values of its filters match every line.
type AuditEventQuery struct {
	UserID *uuid.UUID
	Kind   AuditEventKind
	// Before is the line to go on after; nil begins at the newest.
	Before *uuid.UUID
	Limit  int
}
