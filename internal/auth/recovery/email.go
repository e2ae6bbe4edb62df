package recovery

import (
	"context"
	"errors"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
)

// moveEmail gives a user an address that they have verified, in a transaction that has locked the user. Changes that are
// pending end, and what was mailed before becomes invalid. field names what was presented, for the error if another
// account has verified the address.
func (s *Service) moveEmail(ctx context.Context, tx *transaction.Tx, u *auth.User, to identity.Name, field string) error {
	err := s.maker.ReleaseEmail(ctx, tx, to.Key, u.ID)
	if err == nil {
		err = tx.SetEmail(ctx, u.ID, auth.Email{Address: &to.Display, Key: &to.Key, VerifiedAt: &tx.Now}, tx.Now)
	}
	if errors.Is(err, accounts.ErrEmailHeld) || errors.Is(err, auth.ErrEmailTaken) {
		return auth.BadInput(auth.FieldError{
			Field: field, Code: auth.InputTaken, Message: "Another account has this e-mail address.",
		})
	}
	if err != nil {
		return err
	}
	return proof.Forget(ctx, tx, u.ID)
}
