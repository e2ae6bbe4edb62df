package recovery

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/identity"
)

// CancelEmailChangeInput is the input of CancelEmailChange.
type CancelEmailChangeInput struct {
	// Token is that of the mail to the old address; nil cancels the pending change of the signed-in user.
	Token *string
}

// CancelEmailChangePayload answers CancelEmailChange.
type CancelEmailChangePayload struct {
	// Email is the address of the account; nil for none.
	Email *string
}

// CancelEmailChange cancels the pending change of the signed-in user's address, if there is one. With the token of the
// mail to the old address it undoes the change, pending or not.
func (s *Service) CancelEmailChange(ctx context.Context, in CancelEmailChangeInput) (*CancelEmailChangePayload, error) {
	if in.Token != nil {
		return s.undoEmailChange(ctx, *in.Token)
	}
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		v = tx.Viewer
		if v.User.PendingEmail == nil {
			return nil
		}
		if err := setPending(ctx, tx, &v.User, nil); err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventEmailChangeCancelled, UserID: &v.User.ID})
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, v)
	return &CancelEmailChangePayload{Email: v.User.Email}, nil
}

// undoEmailChange gives an account its old address back. It assumes that a thief has changed it, and removes all that the
// thief could come back with: sessions, password, identities, a pending change, the links that undo later changes, and a
// scheduled deletion. Links that undo earlier changes stay valid, because the owner may have them. The
// old address gets a mail to set a new password.
//
// If another account has verified the old address meanwhile, nothing is changed and the token stays valid.
func (s *Service) undoEmailChange(ctx context.Context, token string) (*CancelEmailChangePayload, error) {
	if s.mailed == nil {
		return nil, auth.ErrMailDisabled
	}
	payload := &CancelEmailChangePayload{}
	purposes := []auth.MailPurpose{auth.PurposeUndoEmailChange}
	err := s.mailed.Redeem(ctx, proof.Presented{Token: &token}, purposes, func(ctx context.Context, tx *transaction.Tx, r *proof.Redeemed) error {
		u := r.User
		payload.Email = &r.Address
		if err := s.moveEmail(ctx, tx, u, identity.Name{Display: r.Address, Key: r.AddressKey}, "token"); err != nil {
			return err
		}
		if err := tx.DeleteLaterMailedSecrets(ctx, r.MailedSecret); err != nil {
			return err
		}
		if _, err := tx.EndOtherSessions(ctx, u.ID, uuid.Nil, tx.Now); err != nil {
			return err
		}
		if err := tx.DeletePassword(ctx, u.ID); err != nil {
			return err
		}
		if err := s.dropIdentities(ctx, tx, u); err != nil {
			return err
		}
		if err := accounts.Keep(ctx, tx, u); err != nil {
			return err
		}
		err := s.outbox.Request(ctx, tx, mailing.Request{Kind: auth.MailResetPassword, UserID: &u.ID})
		if _, refused := errors.AsType[*auth.Error](err); err != nil && !refused { // the owner can also ask for a reset
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventEmailChangeUndone, UserID: &u.ID})
	})
	if err != nil {
		return nil, err
	}
	return payload, nil
}
