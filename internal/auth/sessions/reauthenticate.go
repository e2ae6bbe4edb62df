package sessions

import (
	"context"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/password"
)

// Reauthenticate lets the signed-in user confirm their identity, and returns an access token with the new time of
// authentication. Only that token has it: the session and the tokens of later refreshes keep the time of the sign-in.
// Otherwise a thief with a copied refresh token would get the new time too. The refresh token stays the same, so none
// is returned. A wrong password has the same error as in Login, but a separate counter.
func (s *Service) Reauthenticate(ctx context.Context, p password.Plaintext) (*Tokens, error) {
	tokens, err := s.reauthenticate(ctx, p)
	s.tx.Meter().CountSignIn(auth.SignInReauthentication, auth.SignInOutcome(err))
	return tokens, err
}

func (s *Service) reauthenticate(ctx context.Context, p password.Plaintext) (*Tokens, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	verified, err := s.proofs.Password(ctx, p, v, s.proofs.OfUser(v.User.ID))
	if err != nil {
		return nil, err
	}
	var methods []auth.Method
	var at time.Time
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) (err error) {
		v = tx.Viewer
		if methods, at, err = verified.Accept(ctx, tx); err != nil {
			return err
		}
		return tx.RecordSession(ctx, auth.EventReauthenticated, v)
	})
	if err != nil {
		return nil, err
	}
	tokens, err := s.sign(ctx, v, methods, at, ownAPI)
	if err != nil {
		return nil, err
	}
	tokens.PasswordCompromised = s.proofs.Compromised(ctx, p)
	return tokens, nil
}
