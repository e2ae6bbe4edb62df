package auth

import (
	"context"

	"github.com/google/uuid"
)

// RevokeUserSessionsInput is the input of RevokeUserSessions.
type RevokeUserSessionsInput struct {
	UserID uuid.UUID
}

// RevokeUserSessionsPayload answers RevokeUserSessions.
type RevokeUserSessionsPayload struct {
	User         *User
	RevokedCount int
}

// RevokeUserSessions ends every session of a user, who may sign in anew. It is for administrators.
func (s *Service) RevokeUserSessions(ctx context.Context, in RevokeUserSessionsInput) (*RevokeUserSessionsPayload, error) {
	admin, err := s.administrator(ctx)
	if err != nil {
		return nil, err
	}
	var n int
	user, err := s.administer(ctx, inSession(admin), in.UserID, func(ctx context.Context, tx *act, u *User) (err error) {
		if n, err = tx.EndOtherSessions(ctx, u.ID, uuid.Nil, tx.now); err != nil || n == 0 {
			return err
		}
		return tx.record(ctx, AuditEvent{Kind: EventUserSessionsRevoked, UserID: &u.ID})
	})
	if err != nil {
		return nil, err
	}
	if user.ID == admin.User.ID {
		CallerFrom(ctx).end()
		s.forgetCookieOf(ctx, admin.Session.ID)
	}
	return &RevokeUserSessionsPayload{User: user, RevokedCount: n}, nil
}
