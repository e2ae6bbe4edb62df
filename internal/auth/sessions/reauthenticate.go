package sessions

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/password"
)

// Reauthenticate lets the signed-in user confirm their identity, and answers with an access
// token that says so. The time is in that token alone: the session keeps the time of its
// sign-in, and so do the tokens that refresh gives. Otherwise a copied refresh token would become a
// copy of the proof. The refresh token stays the same, which is why none is in the answer. A wrong
// password answers as at Login, and counts apart from those there.
func (s *Service) Reauthenticate(ctx context.Context, p password.Plaintext) (*Tokens, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	verified, err := s.proofs.Password(ctx, p, transaction.InSession(v), s.proofs.OfUser(v.User.ID))
	if err != nil {
		return nil, err
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		v = tx.Viewer
		if _, err := tx.ClearAttempts(ctx, v.User.ID); err != nil {
			return err
		}
		return tx.Record(ctx, transaction.InSessionOf(v, auth.EventReauthenticated))
	})
	if err != nil {
		return nil, err
	}
	return s.sign(ctx, v, verified.Methods(), verified.At(), ownAPI)
}
