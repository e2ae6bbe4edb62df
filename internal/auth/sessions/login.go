package sessions

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/password"
)

// LoginInput is the input of Login.
type LoginInput struct {
	// Identifier is a user name or an e-mail address.
	Identifier string
	Password   password.Plaintext
	// Resource is the API that the access token is for; nil means Usher's own.
	Resource *string
	// Replaces is a refresh token that the client loses by the sign-in; empty means none. Its session ends.
	Replaces string
}

// Login signs a user in with a password. Whatever is wrong with identifier or password, the
// answer is CodeInvalidCredentials, at the cost of one password hash.
func (s *Service) Login(ctx context.Context, in LoginInput) (*Tokens, error) {
	audience, err := s.AudienceFor(in.Resource)
	if err != nil {
		return nil, err
	}
	verified, err := s.proofs.Password(ctx, in.Password, transaction.Nobody, s.proofs.ByIdentifier(in.Identifier))
	if err != nil {
		return nil, err
	}
	var started *Started
	err = s.tx.Run(ctx, transaction.ByUser(verified.User().ID), func(ctx context.Context, tx *transaction.Tx) error {
		if started, err = s.Start(ctx, tx, verified, in.Replaces); err != nil {
			return err
		}
		if _, err = tx.ClearAttempts(ctx, verified.User().ID); err != nil {
			return err
		}
		return tx.Record(ctx, transaction.InSessionOf(&started.viewer, auth.EventLogin))
	})
	if err != nil {
		return nil, err
	}
	return s.tokensOf(ctx, &started.viewer, started.refresh, audience)
}
