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
	if err := s.endSession(ctx, v, EventLogout); err != nil {
		return nil, err
	}
	CallerFrom(ctx).end()
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
	if err := s.endSession(ctx, target, EventSessionRevoked); err != nil {
		return nil, err
	}
	if target.Session.ID == viewer.Session.ID {
		CallerFrom(ctx).end()
	}
	return &RevokeSessionPayload{SessionID: in.SessionID}, nil
}

// endSession ends a session and records why, when it still lived.
func (s *Service) endSession(ctx context.Context, v *Viewer, why EventKind) error {
	now := s.now()
	err := s.store.InTx(ctx, func(ctx context.Context, tx Store) error {
		ended, err := tx.EndSession(ctx, v.Session.ID, now)
		if err != nil || !ended {
			return err
		}
		return s.record(ctx, tx, why, &v.User, &v.Session, now)
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
	now := s.now()
	var n int
	err = s.store.InTx(ctx, func(ctx context.Context, tx Store) error {
		if n, err = tx.EndOtherSessions(ctx, v.User.ID, v.Session.ID, now, s.idleSince(now)); err != nil || n == 0 {
			return err
		}
		return s.record(ctx, tx, EventSessionRevoked, &v.User, nil, now)
	})
	if err != nil {
		return nil, fmt.Errorf("end other sessions: %w", err)
	}
	return &RevokeOtherSessionsPayload{RevokedCount: n}, nil
}

// PageInfo says where a page of a connection lies (GraphQL Cursor Connections Specification).
type PageInfo struct {
	HasNextPage     bool
	HasPreviousPage bool
	StartCursor     *string
	EndCursor       *string
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

// MaxPage is how many elements a page of a connection may have.
const MaxPage = 100

// SessionsOf lists the living sessions of a user, the newest first: up to first of them, after a
// cursor of an earlier page when it is not nil. It shows them to that user only.
func (s *Service) SessionsOf(ctx context.Context, user *User, first int, after *string) (*SessionConnection, error) {
	viewer, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if viewer.User.ID != user.ID {
		return nil, errForbidden
	}
	if first < 1 || first > MaxPage {
		return nil, BadInput(FieldError{Path: []string{"first"}, Code: InputInvalidFormat, Message: fmt.Sprintf("Ask for 1 to %d.", MaxPage)})
	}
	scope := "sessions of " + user.ID.String()
	var position *SessionPosition
	if after != nil {
		if position, err = s.openPosition(scope, *after); err != nil {
			return nil, err
		}
	}
	now := s.now()
	sessions, err := s.store.Sessions(ctx, user.ID, now, s.idleSince(now), position, first+1)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	page := &SessionConnection{PageInfo: PageInfo{HasNextPage: len(sessions) > first, HasPreviousPage: after != nil}}
	for i := range sessions[:min(first, len(sessions))] {
		session := &sessions[i]
		page.Edges = append(page.Edges, SessionEdge{
			Cursor: s.sealPosition(scope, SessionPosition{CreatedAt: session.CreatedAt, ID: session.ID}),
			Node:   session,
		})
	}
	if n := len(page.Edges); n > 0 {
		page.PageInfo.StartCursor, page.PageInfo.EndCursor = &page.Edges[0].Cursor, &page.Edges[n-1].Cursor
	}
	return page, nil
}

func (s *Service) sealPosition(scope string, p SessionPosition) string {
	content := binary.BigEndian.AppendUint64(nil, uint64(p.CreatedAt.UnixMicro()))
	return s.cursors.seal(scope, append(content, p.ID[:]...))
}

func (s *Service) openPosition(scope, cursor string) (*SessionPosition, error) {
	content, ok := s.cursors.open(scope, cursor)
	if !ok || len(content) != 8+len(uuid.UUID{}) {
		return nil, BadInput(FieldError{Path: []string{"after"}, Code: InputInvalidFormat, Message: "Use a cursor of an earlier page of the same list."})
	}
	p := &SessionPosition{CreatedAt: time.UnixMicro(int64(binary.BigEndian.Uint64(content))).UTC()} //nolint:gosec // It was written from an int64.
	copy(p.ID[:], content[8:])
	return p, nil
}
