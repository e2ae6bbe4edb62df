package auth

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// LogoutPayload answers Logout.
type LogoutPayload struct {
	SessionID uuid.UUID
}

// Logout ends the session of the request. Its access tokens are refused from now on, and so is its
// refresh token.
func (s *Service) Logout(ctx context.Context) (*LogoutPayload, error) {
	v, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.endSession(ctx, inSession(v), v, EventLogout); err != nil {
		return nil, err
	}
	CallerFrom(ctx).end()
	s.forgetCookieOf(ctx, v.Session.ID)
	return &LogoutPayload{SessionID: v.Session.ID}, nil
}

// RevokeSessionInput is the input of RevokeSession.
type RevokeSessionInput struct {
	SessionID uuid.UUID
}

// RevokeSessionPayload answers RevokeSession.
type RevokeSessionPayload struct {
	SessionID uuid.UUID
}

// RevokeSession ends a session of the signed-in user. A session of somebody else is not found, like
// one that does not exist. One that has ended already is fine.
func (s *Service) RevokeSession(ctx context.Context, in RevokeSessionInput) (*RevokeSessionPayload, error) {
	viewer, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	target, err := s.store.Viewer(ctx, in.SessionID)
	if errors.Is(err, ErrNotFound) || err == nil && target.User.ID != viewer.User.ID {
		return nil, BadInput(FieldError{Path: []string{"input", "sessionId"}, Code: InputNotFound, Message: "You have no such session."})
	}
	if err != nil {
		return nil, fmt.Errorf("find session: %w", err)
	}
	if err := s.endSession(ctx, inSession(viewer), target, EventSessionRevoked); err != nil {
		return nil, err
	}
	if target.Session.ID == viewer.Session.ID {
		CallerFrom(ctx).end()
	}
	s.forgetCookieOf(ctx, target.Session.ID)
	return &RevokeSessionPayload{SessionID: in.SessionID}, nil
}

// endSession ends a session and records why, when it still lived.
func (s *Service) endSession(ctx context.Context, who actor, v *Viewer, why AuditEventKind) error {
	err := s.inTx(ctx, who, func(ctx context.Context, tx *act) error {
		ended, err := tx.EndSession(ctx, v.Session.ID, tx.now)
		if err != nil || !ended {
			return err
		}
		return tx.record(ctx, eventIn(v, why))
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// RevokeOtherSessionsPayload answers RevokeOtherSessions.
type RevokeOtherSessionsPayload struct {
	RevokedCount int
}

// RevokeOtherSessions ends every session of the signed-in user but the one of the request.
func (s *Service) RevokeOtherSessions(ctx context.Context) (*RevokeOtherSessionsPayload, error) {
	v, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	var n int
	err = s.inTxOf(ctx, v, func(ctx context.Context, tx *act, v *Viewer) (err error) {
		if n, err = tx.EndOtherSessions(ctx, v.User.ID, v.Session.ID, tx.now); err != nil || n == 0 {
			return err
		}
		return tx.record(ctx, AuditEvent{Kind: EventSessionRevoked, UserID: &v.User.ID})
	})
	if err != nil {
		return nil, fmt.Errorf("end other sessions: %w", err)
	}
	return &RevokeOtherSessionsPayload{RevokedCount: n}, nil
}

// SessionConnection is a page of sessions.
type SessionConnection struct {
	Edges    []SessionEdge
	PageInfo PageInfo
}

// SessionEdge is a session in a page.
type SessionEdge struct {
	Cursor string
	Node   *Session
}

// SessionsOf lists the living sessions of a user, the newest first: up to first of them, after a
// cursor of an earlier page when it is not nil. It is for that user and for administrators.
func (s *Service) SessionsOf(ctx context.Context, user *User, first int, after *string) (*SessionConnection, error) {
	viewer, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if viewer.User.ID != user.ID && !viewer.User.isAdmin() {
		return nil, errForbidden
	}
	now := s.now()
	sessions := list[Session, SessionPosition]{
		scope: "sessions of " + user.ID.String(),
		read: func(after *SessionPosition, limit int) ([]Session, error) {
			return s.store.Sessions(ctx, user.ID, now, s.idleSince(now), after, limit)
		},
		place: placeOfSession,
		parse: parseSessionPosition,
	}
	edges, info, err := page(s, sessions, first, after, func(cursor string, session *Session) SessionEdge {
		return SessionEdge{Cursor: cursor, Node: session}
	})
	if err != nil {
		return nil, err
	}
	return &SessionConnection{Edges: edges, PageInfo: info}, nil
}

func placeOfSession(s *Session) []byte {
	place := binary.BigEndian.AppendUint64(nil, uint64(s.CreatedAt.UnixMicro()))
	return append(place, s.ID[:]...)
}

func parseSessionPosition(content []byte) (p SessionPosition, err error) {
	n := min(len(content), 8)
	if p.ID, err = uuid.FromBytes(content[n:]); err != nil {
		return p, err
	}
	p.CreatedAt = time.UnixMicro(int64(binary.BigEndian.Uint64(content))).UTC() //nolint:gosec // It was written from an int64.
	return p, nil
}
