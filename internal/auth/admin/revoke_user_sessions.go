package admin

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// RevokeUserSessionsInput is the input of RevokeUserSessions.
type RevokeUserSessionsInput struct {
	UserID uuid.UUID
	// SessionID is the only session to end. Nil means all sessions of the user.
	SessionID *uuid.UUID
}

// RevokeUserSessionsPayload answers RevokeUserSessions.
type RevokeUserSessionsPayload struct {
	User         *auth.User
	RevokedCount int
}

// RevokeUserSessions ends every session of a user, or one of them. The user can sign in again. A session that has already
// ended is no error.
func (s *Service) RevokeUserSessions(ctx context.Context, in RevokeUserSessionsInput) (*RevokeUserSessionsPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	var target *auth.Viewer
	if in.SessionID != nil {
		if target, err = s.store.Viewer(ctx, *in.SessionID); err != nil && !errors.Is(err, auth.ErrNotFound) {
			return nil, fmt.Errorf("find session: %w", err)
		}
	}
	var n int
	user, err := changeUser(ctx, s.tx, transaction.InSession(admin), in.UserID, func(ctx context.Context, tx *transaction.Tx, u *auth.User) (err error) {
		if in.SessionID == nil {
			if n, err = tx.EndOtherSessions(ctx, u.ID, uuid.Nil, tx.Now); err != nil || n == 0 {
				return err
			}
			return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserSessionsRevoked, UserID: &u.ID})
		}
		if target == nil || target.User.ID != u.ID {
			return auth.BadInput(auth.FieldError{Field: "sessionId", Code: auth.InputNotFound, Message: "The user has no such session."})
		}
		n = 0 // the transaction may run again
		ended, err := tx.EndSession(ctx, target.Session.ID, tx.Now)
		if err != nil || !ended {
			return err
		}
		n = 1
		return tx.RecordSession(ctx, auth.EventSessionRevoked, target)
	})
	if err != nil {
		return nil, err
	}
	return &RevokeUserSessionsPayload{User: user, RevokedCount: n}, nil
}
