package accounts

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
)

// ErrEmailHeld says that another account has a verified address.
var ErrEmailHeld = errors.New("another account has the address, and has verified it")

// ReleaseEmail takes an address away from the account that has it, unless that is except. It is called when somebody else
// has verified the address: an account that only claims it must not be in their way. An account without a user name
// gets one, so that it stays. The error is ErrEmailHeld if the other account has verified the address.
func (m *Maker) ReleaseEmail(ctx context.Context, tx *transaction.Tx, key string, except uuid.UUID) error {
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
		return ErrEmailHeld
	}
	if holder.Username == nil {
		if err := m.nameUser(ctx, tx, holder.ID); err != nil {
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
func (m *Maker) nameUser(ctx context.Context, tx *transaction.Tx, id uuid.UUID) error {
	name, err := identity.ParseUsername("user-" + id.String())
	if err != nil {
		return err
	}
	_, _, err = tx.PasswordByUsername(ctx, name.Key)
	if err == nil {
		other, err := m.tx.NewID()
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
