package factors

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
)

// RegenerateRecoveryCodesPayload answers RegenerateRecoveryCodes.
type RegenerateRecoveryCodesPayload struct {
	// RecoveryCodes are the new codes. Nothing shows them again.
	RecoveryCodes []string
	User          *auth.User
}

// RegenerateRecoveryCodes replaces the recovery codes of the signed-in user. The old ones are no longer valid. The user gets
// a mail. Without a second factor there is nothing to recover, and the error is CodeSecondFactorSetupRequired.
func (s *Service) RegenerateRecoveryCodes(ctx context.Context) (*RegenerateRecoveryCodesPayload, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	payload := &RegenerateRecoveryCodesPayload{}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		u := &tx.Viewer.User
		if !u.HasSecondFactor() {
			return auth.ErrSecondFactorSetup
		}
		if _, err := tx.RemoveFactors(ctx, u.ID, auth.FactorRemoval{Kind: auth.CredentialRecoveryCode}); err != nil {
			return err
		}
		codes, factors, err := proof.NewRecoveryCodes(tx, s.tx.Rand(), u.ID)
		if err != nil {
			return err
		}
		if err := tx.AddFactors(ctx, u.ID, factors); err != nil {
			return err
		}
		if err := s.outbox.Notify(ctx, tx, u, mailing.To(u, auth.MailRecoveryCodesReplaced)); err != nil {
			return err
		}
		if err := tx.RecordSession(ctx, auth.EventRecoveryCodesReplaced, tx.Viewer); err != nil {
			return err
		}
		payload.RecoveryCodes = codes
		v, err = tx.Reread(ctx)
		return err
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	payload.User = &v.User
	return payload, nil
}
