package admin

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// RevokeUserSessionsInput is the input of RevokeUserSessions.
type RevokeUserSessionsInput struct {
	UserID uuid.UUID
}

// RevokeUserSessionsPayload answers RevokeUserSessions.
type RevokeUserSessionsPayload struct {
	User         *auth.User
	RevokedCount int
}

// RevokeUserSessions ends every session of a user. The user can sign in again.
func (s *Service) RevokeUserSessions(ctx context.Context, in RevokeUserSessionsInput) (*RevokeUserSessionsPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	var n int
	user, err := changeUser(ctx, s.tx, transaction.InSession(admin), in.UserID, func(ctx context.Context, tx *transaction.Tx, u *auth.User) (err error) {
		if n, err = tx.EndOtherSessions(ctx, u.ID, uuid.Nil, tx.Now); err != nil || n == 0 {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserSessionsRevoked, UserID: &u.ID})
	})
	if err != nil {
		return nil, err
	}
	return &RevokeUserSessionsPayload{User: user, RevokedCount: n}, nil
}
