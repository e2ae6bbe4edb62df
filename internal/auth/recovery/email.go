package recovery

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
)

// errHeld says that another account has a verified address.
var errHeld = errors.New("another account has the address, and has verified it")

// releaseEmail takes an address away from the account that has it, unless that is except. It is called when somebody else
// has verified the address: an account that only claims it must not be in their way. An account without a user name
// gets one, so that it stays. The error is errHeld if the other account has verified the address.
func (s *Service) releaseEmail(ctx context.Context, tx *transaction.Tx, key string, except uuid.UUID) error {
	found, _, err := tx.PasswordByEmail(ctx, key)
	if errors.Is(err, auth.ErrNotFound) || err == nil && found.ID == except {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := tx.LockUser(ctx, found.ID); err != nil {
		return err
	}
	holder, err := tx.User(ctx, found.ID) // as it is with the lock
	if errors.Is(err, auth.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	switch address, _ := holder.EmailName(); {
	case address.Key != key: // changed meanwhile
		return nil
	case holder.EmailVerifiedAt != nil:
		return errHeld
	}
	if holder.Username == nil {
		if err := s.nameUser(ctx, tx, holder.ID); err != nil {
			return err
		}
	}
	if err := tx.SetEmail(ctx, holder.ID, auth.Email{}, tx.Now); err != nil {
		return err
	}
	if err := proof.Forget(ctx, tx, holder.ID); err != nil {
		return err
	}
	return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventEmailReleased, UserID: &holder.ID})
}

// nameUser gives an account a user name made of its id. Somebody may have taken that name, because ids are public. Then it
// is made of an id that nobody knew before.
func (s *Service) nameUser(ctx context.Context, tx *transaction.Tx, id uuid.UUID) error {
	name, err := identity.ParseUsername("user-" + id.String())
	if err != nil {
		return err
	}
	_, _, err = tx.PasswordByUsername(ctx, name.Key)
	if err == nil {
		other, err := s.tx.NewID()
		if err != nil {
			return err
		}
		if name, err = identity.ParseUsername("user-" + other.String()); err != nil {
			return err
		}
	} else if !errors.Is(err, auth.ErrNotFound) {
		return err
	}
	return tx.SetUsername(ctx, id, name.Display, name.Key, tx.Now)
}

// moveEmail gives a user an address that they have verified, in a transaction that has locked the user. Changes that are
// pending end, and what was mailed before becomes invalid. field names what was presented, for the error if another
// account has verified the address.
func (s *Service) moveEmail(ctx context.Context, tx *transaction.Tx, u *auth.User, to identity.Name, field string) error {
	err := s.releaseEmail(ctx, tx, to.Key, u.ID)
	if err == nil {
		err = tx.SetEmail(ctx, u.ID, auth.Email{Address: &to.Display, Key: &to.Key, VerifiedAt: &tx.Now}, tx.Now)
	}
	if errors.Is(err, errHeld) || errors.Is(err, auth.ErrEmailTaken) {
		return auth.BadInput(auth.FieldError{
			Field: field, Code: auth.InputTaken, Message: "Another account has this e-mail address.",
		})
	}
	if err != nil {
		return err
	}
	return proof.Forget(ctx, tx, u.ID)
}
