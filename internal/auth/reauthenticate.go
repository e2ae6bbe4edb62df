package auth

import (
	"context"
	"errors"

	"usher/internal/password"
)

// ReauthenticateInput is the input of Reauthenticate.
type ReauthenticateInput struct {
	Password password.Plaintext
}

// Reauthenticate lets the signed-in user prove once more who they are, and answers with an access
// token that says so. The session stays the same and so does its refresh token, which is why none
// is in the answer. A wrong password answers as at Login, and counts apart from those there.
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
	err = s.inTxOf(ctx, v, func(ctx context.Context, tx *act, live *Viewer) error {
		if _, err := tx.RenewAuthTime(ctx, live.Session.ID, tx.now); err != nil {
			return err
		}
		if _, err := tx.ClearAttempts(ctx, live.User.ID); err != nil {
			return err
		}
		v = live
		v.Session.AuthTime = tx.now
		return tx.record(ctx, eventIn(v, EventReauthenticated))
	})
	if err != nil {
		return nil, err
	}
	return s.accessPayload(ctx, v, ownAPI)
}
