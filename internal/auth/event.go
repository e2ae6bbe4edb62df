package auth

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"usher/internal/request"
)

// EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	// EventSignup: somebody created an account.
	EventSignup EventKind = "SIGNUP"
	// EventLogin: a user signed in.
	EventLogin EventKind = "LOGIN"
	// EventLoginFailed: a password, or the name with it, was wrong.
	EventLoginFailed EventKind = "LOGIN_FAILED"
	// EventRefreshReuse: a refresh token came again after its time, and its session was ended.
	EventRefreshReuse EventKind = "REFRESH_REUSE"
	// EventLogout: a user ended the session of the request.
	EventLogout EventKind = "LOGOUT"
	// EventSessionRevoked: a user ended another session of theirs; all others when it names none.
	EventSessionRevoked EventKind = "SESSION_REVOKED"
)

// Event is a line of the audit log. It never holds a secret, and it is never changed.
type Event struct {
	ID   uuid.UUID
	At   time.Time
	Kind EventKind
	// UserID is whom it happened to, and SessionID in which session.
	UserID    *uuid.UUID
	SessionID *uuid.UUID
	// IPAddress and RequestID say where it came from, when it came over HTTP.
	IPAddress *string
	RequestID *string
}

// record adds an event about a user and a session, in the transaction of what it is about. Either
// may be nil.
func (s *Service) record(ctx context.Context, tx Store, kind EventKind, user *User, session *Session, now time.Time) error {
	id, err := newID(now, s.rand)
	if err != nil {
		return err
	}
	e := &Event{ID: id, At: now, Kind: kind}
	if user != nil {
		e.UserID = &user.ID
	}
	if session != nil {
		e.SessionID = &session.ID
	}
	info := request.From(ctx)
	if info.Client.IsValid() {
		e.IPAddress = new(info.Client.String())
	}
	if info.ID != "" {
		e.RequestID = &info.ID
	}
	if err := tx.AddEvent(ctx, e); err != nil {
		return fmt.Errorf("record event: %w", err)
	}
	s.log.InfoContext(ctx, "audit", "id", info.ID, "event", string(kind), "user", e.UserID, "session", e.SessionID)
	return nil
}
