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

// ResetFactors removes all second factors of a user, ends their sessions, and tells them: somebody else may have what they have
// lost. If the server requires a second factor of them, now or later, they have no time to set one up: their password is not
// enough. Nothing happens to a user without factors. A user who has no password either needs a reset of it, or a mailed code.
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
