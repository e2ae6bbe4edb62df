package recovery

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
)

// VerifyEmailInput is the input of VerifyEmail: the token, or the address with the code.
type VerifyEmailInput struct {
	Token *string
	Email *string
	Code  *string
}

// VerifyEmailPayload answers VerifyEmail.
type VerifyEmailPayload struct {
	Email string
	// PasswordRemoved says that the account has lost its password.
	PasswordRemoved bool
}

// VerifyEmail confirms that the address of an account belongs to whoever can read its mail. Before, anybody can have
// created the account. So its sessions end, except that of the request. If the request is not signed in as the account,
// nothing shows that the owner of the address knows the password, so the account loses it, and its
// second factors.
func (s *Service) VerifyEmail(ctx context.Context, in VerifyEmailInput) (*VerifyEmailPayload, error) {
	presented := proof.Presented{Token: in.Token, Code: in.Code}
	if err := presented.Check(); err != nil {
		return nil, err
	}
	if in.Code != nil {
		if in.Email == nil {
			return nil, auth.BadInput(auth.FieldError{Field: "email", Code: auth.InputRequired, Message: "Give the address with the code."})
		}
		presented.Email = *in.Email
	}
	by, err := s.caller(ctx)
	if err != nil {
		return nil, err
	}
	var payload *VerifyEmailPayload
	var renewed *auth.Viewer
	err = s.mailed.Redeem(ctx, presented, []auth.MailPurpose{auth.PurposeVerifyEmail}, func(ctx context.Context, tx *transaction.Tx, r *proof.Redeemed) (err error) {
		u := r.User
		payload, renewed = &VerifyEmailPayload{Email: *u.Email}, nil
		if u.EmailVerifiedAt != nil {
			return nil
		}
		own := uuid.Nil // the session that stays
		if by != nil && by.User.ID == u.ID {
			live, err := tx.LockSession(ctx, u.ID, by.Session.ID, tx.Now)
			if err != nil {
				return err
			}
			if live {
				own, renewed = by.Session.ID, &auth.Viewer{User: *u, Session: by.Session}
			}
		}
		if _, err := tx.EndOtherSessions(ctx, u.ID, own, tx.Now); err != nil {
			return err
		}
		if own == uuid.Nil {
			if payload.PasswordRemoved, err = removePassword(ctx, tx, u.ID); err != nil {
				return err
			}
			if err := s.dropFactors(ctx, tx, u); err != nil {
				return err
			}
		}
		if err := proof.Forget(ctx, tx, u.ID); err != nil {
			return err
		}
		if err := setVerified(ctx, tx, u, renewed); err != nil {
			return err
		}
		if renewed != nil {
			renewed.User = *u
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if renewed != nil {
		caller.Renew(ctx, renewed)
	}
	return payload, nil
}

// removePassword deletes the password of a user, and reports whether there was one.
func removePassword(ctx context.Context, tx *transaction.Tx, userID uuid.UUID) (bool, error) {
	_, c, err := tx.PasswordOf(ctx, userID)
	if err != nil || c == nil {
		return false, err
	}
	return true, tx.DeletePassword(ctx, userID)
}
