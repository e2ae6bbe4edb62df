package proof

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/password"
)

// Replacement is the hash of a new password for a user that has just proved the current one.
type Replacement struct {
	proof Proof
	next  auth.Credential
}

// Replace checks the current password of the user of a session, as Password does, and hashes the next one. One slot
// serves both: a second wait could fail, and the right password would count as a failed attempt.
func (c *Checker) Replace(ctx context.Context, current, next password.Plaintext, by *auth.Viewer) (r Replacement, err error) {
	r.proof, err = c.check(ctx, current, by, c.OfUser(by.User.ID),
		func(ctx context.Context, slot *password.Slot, found holder, _ bool) (err error) {
			r.next = *found.password
			r.next.Secret, err = slot.Hash(ctx, next)
			return err
		})
	if err != nil {
		return Replacement{}, err
	}
	return r, nil
}

// Store replaces the password in a transaction in a session of the user, and makes the mailed secrets of the user invalid. If the password is no longer the one that was
// checked, nothing changes and the error is the one of a wrong password. A new hash of the same password is no change.
func (r Replacement) Store(ctx context.Context, tx *transaction.Tx) error {
	if _, _, err := r.proof.Accept(ctx, tx); err != nil {
		return err
	}
	next := r.next // the transaction may run again
	next.UpdatedAt = tx.Now
	if err := tx.SetPassword(ctx, &next); err != nil {
		return err
	}
	return Forget(ctx, tx, next.UserID)
}
