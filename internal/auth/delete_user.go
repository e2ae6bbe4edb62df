package auth

import (
	"context"

	"github.com/google/uuid"
)

// DeleteUserInput is the input of DeleteUser.
type DeleteUserInput struct {
	UserID uuid.UUID
}

// DeleteUserPayload answers DeleteUser.
type DeleteUserPayload struct {
	UserID uuid.UUID
}

// DeleteUser deletes an account and its sessions for good. Its lines of the audit log stay. It is
// for administrators.
func (s *Service) DeleteUser(ctx context.Context, in DeleteUserInput) (*DeleteUserPayload, error) {
	admin, err := s.administrator(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.administer(ctx, inSession(admin), in.UserID, func(ctx context.Context, tx *act, u *User) error {
		if err := tx.checkOtherAdmin(ctx, u, "userId"); err != nil {
			return err
		}
		if err := tx.DeleteUser(ctx, u.ID); err != nil {
			return err
		}
		return tx.record(ctx, AuditEvent{Kind: EventUserDeleted, UserID: &u.ID})
	})
	if err != nil {
		return nil, err
	}
	if in.UserID == admin.User.ID {
		CallerFrom(ctx).end()
		s.forgetCookieOf(ctx, admin.Session.ID)
	}
	return &DeleteUserPayload{UserID: in.UserID}, nil
}
