package admin

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
)

// ResetFactorsInput is the input of ResetFactors.
type ResetFactorsInput struct {
	UserID uuid.UUID
}

// ResetFactorsPayload answers ResetFactors.
type ResetFactorsPayload struct {
	User *auth.User
}

// ResetFactors removes all second factors of a user, and tells them. If the server requires a second factor of them, they
// have no more time to set one up: from then on, their password is not enough. Nothing happens to a user without factors.
// A user who has no password either needs a reset of it, or a mailed code.
func (s *Service) ResetFactors(ctx context.Context, in ResetFactorsInput) (*ResetFactorsPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	var changed *auth.User
	_, err = changeUser(ctx, s.tx, transaction.InSession(admin), in.UserID, func(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
		changed = u
		removed, err := proof.RemoveFactors(ctx, tx, u.ID)
		if err != nil || !removed {
			return err
		}
		u.Factors = nil
		if s.second.Starts(u, tx.Now) != nil || s.second.Due(u) != nil {
			if err := tx.SetFactorDue(ctx, u.ID, tx.Now); err != nil {
				return err
			}
		}
		if err := s.outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailFactorRemoved)); err != nil {
			return err
		}
		if err := tx.Record(ctx, auth.AuditEvent{Kind: auth.EventFactorsReset, UserID: &u.ID}); err != nil {
			return err
		}
		changed, err = tx.User(ctx, u.ID)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &ResetFactorsPayload{User: changed}, nil
}
