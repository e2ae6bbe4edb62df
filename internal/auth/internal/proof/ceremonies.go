package proof

import (
	"context"
	"errors"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// Try is an attempt to finish a ceremony.
type Try struct {
	Purpose auth.CeremonyPurpose
	// TokenDigest finds the ceremony.
	TokenDigest []byte
	// Most is how many attempts the ceremony allows.
	Most int
	// Expired is the error of one that has expired, was finished, or had too many attempts.
	Expired error
}

// CountTry counts an attempt to finish a ceremony on behalf of an actor, and returns the ceremony.
func (f *Factors) CountTry(ctx context.Context, who transaction.Actor, t Try) (c *auth.Ceremony, err error) {
	err = f.tx.Run(ctx, who, func(ctx context.Context, tx *transaction.Tx) (err error) {
		c, err = tx.CountCeremonyTry(ctx, t.Purpose, t.TokenDigest, t.Most, tx.Now)
		return err
	})
	if errors.Is(err, auth.ErrNotFound) {
		return nil, t.Expired
	}
	return c, err
}

// Take uses up the ceremony of an attempt in a transaction. Of many at once, one does, and the others have the error Expired.
func (t Try) Take(ctx context.Context, tx *transaction.Tx, c *auth.Ceremony) error {
	taken, err := tx.TakeCeremony(ctx, c.ID, tx.Now)
	if err == nil && !taken {
		return t.Expired
	}
	return err
}
