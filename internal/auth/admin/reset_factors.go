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

// ResetFactors removes all second factors of a user, ends the sessions, because somebody else may have the lost device, and
// notifies the user. If the server requires a second factor, now or later, there is no grace period, so the password alone is
// not enough. It does nothing if the user has no factors. A user without a password then signs in with a mailed code, or needs
// a password reset.
func (s *Service) ResetFactors(ctx context.Context, in ResetFactorsInput) (*ResetFactorsPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	user, _, err := ResetFactors(ctx, s.tx, s.outbox, transaction.InSession(admin), in.UserID)
	if err != nil {
		return nil, err
	}
	return &ResetFactorsPayload{User: user}, nil
}

// ResetFactors is Service.ResetFactors for the administrator or operator. It also reports whether the user had factors.
func ResetFactors(
	ctx context.Context, runner *transaction.Runner, outbox *mailing.Outbox, who transaction.Actor, id uuid.UUID,
) (user *auth.User, had bool, err error) {
	_, err = changeUser(ctx, runner, who, id, func(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
		user = u
		if had, err = proof.RemoveFactors(ctx, tx, u.ID); err != nil || !had {
			return err
		}
		if _, err := tx.EndOtherSessions(ctx, u.ID, uuid.Nil, tx.Now); err != nil {
			return err
		}
		if err := tx.SetFactorDue(ctx, u.ID, tx.Now); err != nil {
			return err
		}
		if err := outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailFactorRemoved)); err != nil {
			return err
		}
		if err := tx.Record(ctx, auth.AuditEvent{Kind: auth.EventFactorsReset, UserID: &u.ID}); err != nil {
			return err
		}
		user, err = tx.User(ctx, u.ID)
		return err
	})
	if err != nil {
		return nil, false, err
	}
	return user, had, nil
}
