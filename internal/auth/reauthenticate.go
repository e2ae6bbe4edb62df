package auth

import (
	"context"
	"errors"
	"time"

	"usher/internal/password"
)

// ReauthenticateInput is the input of Reauthenticate.
type ReauthenticateInput struct {
	Password password.Plaintext
}

// Reauthenticate lets the signed-in user prove once more who they are, and answers with an access
// token that says so. The time of the proof is in that token alone: the session keeps the time of its
// sign-in, and so do the tokens that refresh gives. Otherwise a copied refresh token would become a
// copy of the proof. The refresh token stays the same, which is why none is in the answer. A wrong
// password answers as at Login, and counts apart from those there.
func (s *Service) Reauthenticate(ctx context.Context, in ReauthenticateInput) (*AuthPayload, error) {
	v, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	_, err = s.verifyPassword(ctx, in.Password, inSession(v), func(ctx context.Context) (*Account, limitedCounter, error) {
		account, err := s.store.Account(ctx, v.User.ID)
		if errors.Is(err, ErrNotFound) { // deleted meanwhile
			return nil, limitedCounter{}, unauthenticated(ReasonSessionEnded)
		}
		if err != nil {
			return nil, limitedCounter{}, err
		}
		return account, reauthenticateAttempts(account.ID), nil
	})
	if err != nil {
		return nil, err
	}
	var provedAt time.Time
	err = s.inTxOf(ctx, v, func(ctx context.Context, tx *act, live *Viewer) error {
		if _, err := tx.ClearAttempts(ctx, live.User.ID); err != nil {
			return err
		}
		v, provedAt = live, tx.now
		return tx.record(ctx, eventIn(live, EventReauthenticated))
	})
	if err != nil {
		return nil, err
	}
	return s.accessPayload(ctx, v, provedAt, ownAPI)
}
