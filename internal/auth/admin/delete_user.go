package admin

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/transaction"
)

// DeleteUserInput is the input of DeleteUser.
type DeleteUserInput struct {
	UserID uuid.UUID
}

// DeleteUserPayload answers DeleteUser.
type DeleteUserPayload struct {
	UserID uuid.UUID
}

// DeleteUser deletes an account and its sessions. Its events stay in the audit log.
func (s *Service) DeleteUser(ctx context.Context, in DeleteUserInput) (*DeleteUserPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	if err := Delete(ctx, s.tx, transaction.InSession(admin), in.UserID); err != nil {
		return nil, err
	}
	return &DeleteUserPayload{UserID: in.UserID}, nil
}

// Delete deletes an account for an actor.
func Delete(ctx context.Context, runner *transaction.Runner, who transaction.Actor, id uuid.UUID) error {
	_, err := changeUser(ctx, runner, who, id, func(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
		if err := accounts.CheckOtherAdmin(ctx, tx, u, "userId"); err != nil {
			return err
		}
		if err := tx.DeleteUser(ctx, u.ID); err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserDeleted, UserID: &u.ID})
	})
	return err
}
