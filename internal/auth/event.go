package auth

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// AuditEventKind is the kind of an audit event: the schema's AuditEventKind.
type AuditEventKind string

// The kinds of events. The schema describes them.
const (
	EventSignup                     AuditEventKind = "SIGNUP"
	EventLogin                      AuditEventKind = "LOGIN"
	EventLoginFailed                AuditEventKind = "LOGIN_FAILED"
	EventReauthenticated            AuditEventKind = "REAUTHENTICATED"
	EventSecondFactorRequired       AuditEventKind = "SECOND_FACTOR_REQUIRED"
	EventFactorFailed               AuditEventKind = "FACTOR_FAILED"
	EventRefreshReplayed            AuditEventKind = "REFRESH_REPLAYED"
	EventRefreshReuse               AuditEventKind = "REFRESH_REUSE"
	EventLogout                     AuditEventKind = "LOGOUT"
	EventSessionRevoked             AuditEventKind = "SESSION_REVOKED"
	EventTokenRevoked               AuditEventKind = "TOKEN_REVOKED"
	EventPasswordChanged            AuditEventKind = "PASSWORD_CHANGED"
	EventPasswordSet                AuditEventKind = "PASSWORD_SET"
	EventFactorAdded                AuditEventKind = "FACTOR_ADDED"
	EventFactorRemoved              AuditEventKind = "FACTOR_REMOVED"
	EventFactorsReset               AuditEventKind = "FACTORS_RESET"
	EventIdentityLinked             AuditEventKind = "IDENTITY_LINKED"
	EventIdentityUnlinked           AuditEventKind = "IDENTITY_UNLINKED"
	EventRecoveryCodeUsed           AuditEventKind = "RECOVERY_CODE_USED"
	EventRecoveryCodesReplaced      AuditEventKind = "RECOVERY_CODES_REPLACED"
	EventUserCreated                AuditEventKind = "USER_CREATED"
	EventUserUpdated                AuditEventKind = "USER_UPDATED"
	EventUserRolesChanged           AuditEventKind = "USER_ROLES_CHANGED"
	EventUserDisabled               AuditEventKind = "USER_DISABLED"
	EventUserEnabled                AuditEventKind = "USER_ENABLED"
	EventUserUnlocked               AuditEventKind = "USER_UNLOCKED"
	EventUserSessionsRevoked        AuditEventKind = "USER_SESSIONS_REVOKED"
	EventUserDeleted                AuditEventKind = "USER_DELETED"
	EventClientCreated              AuditEventKind = "CLIENT_CREATED"
	EventClientDeleted              AuditEventKind = "CLIENT_DELETED"
	EventRoleCreated                AuditEventKind = "ROLE_CREATED"
	EventRoleUpdated                AuditEventKind = "ROLE_UPDATED"
	EventRoleDeleted                AuditEventKind = "ROLE_DELETED"
	EventEmailVerificationRequested AuditEventKind = "EMAIL_VERIFICATION_REQUESTED"
	EventEmailVerified              AuditEventKind = "EMAIL_VERIFIED"
	EventPasswordResetRequested     AuditEventKind = "PASSWORD_RESET_REQUESTED"
	EventPasswordReset              AuditEventKind = "PASSWORD_RESET"
	EventLoginCodeRequested         AuditEventKind = "LOGIN_CODE_REQUESTED"
	EventMailedCodeFailed           AuditEventKind = "MAILED_CODE_FAILED"
	EventEmailChangeRequested       AuditEventKind = "EMAIL_CHANGE_REQUESTED"
	EventEmailChanged               AuditEventKind = "EMAIL_CHANGED"
	EventEmailChangeCancelled       AuditEventKind = "EMAIL_CHANGE_CANCELLED"
	EventEmailChangeUndone          AuditEventKind = "EMAIL_CHANGE_UNDONE"
	EventEmailReleased              AuditEventKind = "EMAIL_RELEASED"
	EventDeletionRequested          AuditEventKind = "DELETION_REQUESTED"
	EventDeletionCancelled          AuditEventKind = "DELETION_CANCELLED"
	EventDataExported               AuditEventKind = "DATA_EXPORTED"
	EventUserInvited                AuditEventKind = "USER_INVITED"
	EventMailRetried                AuditEventKind = "MAIL_RETRIED"
)

// AuditEventKinds lists all kinds.
var AuditEventKinds = []AuditEventKind{
	EventSignup, EventLogin, EventLoginFailed, EventReauthenticated, EventSecondFactorRequired, EventFactorFailed,
	EventRefreshReplayed, EventRefreshReuse, EventLogout, EventSessionRevoked, EventTokenRevoked,
	EventPasswordChanged, EventPasswordSet,
	EventFactorAdded, EventFactorRemoved, EventFactorsReset, EventIdentityLinked, EventIdentityUnlinked,
	EventRecoveryCodeUsed, EventRecoveryCodesReplaced,
	EventEmailVerificationRequested, EventEmailVerified, EventPasswordResetRequested,
	EventPasswordReset, EventLoginCodeRequested, EventMailedCodeFailed, EventEmailChangeRequested,
	EventEmailChanged, EventEmailChangeCancelled, EventEmailChangeUndone,
	EventEmailReleased, EventDeletionRequested, EventDeletionCancelled,
	EventDataExported, EventUserInvited, EventMailRetried,
	EventUserCreated, EventUserUpdated, EventUserRolesChanged,
	EventUserDisabled, EventUserEnabled, EventUserUnlocked, EventUserSessionsRevoked, EventUserDeleted,
	EventClientCreated, EventClientDeleted, EventRoleCreated, EventRoleUpdated, EventRoleDeleted,
}

// ParseAuditEventKind returns the kind of a name, and reports whether there is one.
func ParseAuditEventKind(name string) (AuditEventKind, bool) {
	kind := AuditEventKind(strings.ToUpper(name))
	return kind, slices.Contains(AuditEventKinds, kind)
}

// AuditEvent is an event in the audit log. It contains no secret and never changes.
type AuditEvent struct {
	ID   uuid.UUID
	At   time.Time
	Kind AuditEventKind
	// ActorID is the user that caused the event; nil when nobody was signed in.
	ActorID *uuid.UUID
	// Operator says that an operator's command caused the event.
	Operator bool
	// UserID, SessionID and ClientID are the user, the session and the OAuth client that the event is about.
	UserID    *uuid.UUID
	SessionID *uuid.UUID
	ClientID  *uuid.UUID
	// Roles are the user's new roles with EventUserCreated and EventUserRolesChanged, and the role that the event is about
	// with EventRoleCreated, EventRoleUpdated and EventRoleDeleted; otherwise nil.
	Roles []Role
	// Identifier is what a failed sign-in tried, with EventLoginFailed; nil if it could be a password.
	Identifier *string
	// Permissions are the role's new permissions with EventRoleCreated and EventRoleUpdated; otherwise nil.
	Permissions []Permission
	// IPAddress, UserAgent and RequestID describe the request; nil outside of HTTP.
	IPAddress *string
	UserAgent *string
	RequestID *string

	// Actor and User are the users with ActorID and UserID; nil when they were deleted. Store.Events does not set
	// them.
	Actor *User
	User  *User
}

// AuditStore keeps the audit log.
type AuditStore interface {
	// AddEvent writes an event. Nothing changes it, and only AuditLogStore.SweepEvents deletes it.
	AddEvent(ctx context.Context, e *AuditEvent) error
	// Events lists the events that match a query, the newest first.
	Events(ctx context.Context, q AuditEventQuery) ([]AuditEvent, error)
	// CountEvents counts the events of a kind between each two of the times, from one time up to the next. It counts
	// by the times in the ids.
	CountEvents(ctx context.Context, kind AuditEventKind, times []time.Time) ([]int, error)
}

// AuditEventQuery selects a page of the audit log. Zero filters match every event.
type AuditEventQuery struct {
	ID      *uuid.UUID
	UserID  *uuid.UUID
	ActorID *uuid.UUID
	// Kinds are the kinds that match; none means all.
	Kinds []AuditEventKind
	// From and To are the earliest time that matches, and the first one after it that does not. The ids of the events
	// must be of their times, to within a minute.
	From, To *time.Time
	// Page has the ids of events as positions.
	Page[uuid.UUID]
}
