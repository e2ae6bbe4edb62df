// Package clients owns what registered OAuth clients do: authenticate, get access tokens for themselves, introspect
// tokens and revoke them.
package clients

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/sessions"
	"usher/internal/token"
)

// Store is what a Service reads.
type Store interface {
	access.Store
	// Client finds a client by id.
	Client(ctx context.Context, id uuid.UUID) (*auth.Client, error)
}

// Service serves OAuth clients. It is safe for concurrent use.
type Service struct {
	store    Store
	sessions *sessions.Service
	tokens   *token.Authority
	tx       *transaction.Runner
}

// New returns a Service.
func New(store Store, sessions *sessions.Service, tokens *token.Authority, tx *transaction.Runner) *Service {
	return &Service{store: store, sessions: sessions, tokens: tokens, tx: tx}
}

// Why a token is not revoked.
var (
	// ErrForeignToken says that the token was issued to another client.
	ErrForeignToken = errors.New("token of another client")
	// ErrTokenNotRevocable says that the token has no session that could be ended; it is valid until
	// it expires or its client is deleted.
	ErrTokenNotRevocable = errors.New("token cannot be revoked")
)

// Authenticate returns the client with this id and secret. Whatever is wrong, the error is CodeInvalidCredentials.
// Attempts are not limited: a secret of 256 random bits cannot be guessed.
func (s *Service) Authenticate(ctx context.Context, clientID, secret string) (*auth.Client, error) {
	c, err := s.client(ctx, clientID)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return nil, auth.ErrInvalidCredentials
	case err != nil:
		return nil, err
	case subtle.ConstantTimeCompare(c.SecretDigest, auth.ClientSecretDigest(secret)) != 1:
		return nil, auth.ErrInvalidCredentials
	}
	return c, nil
}

// client finds a client by its client_id, or returns auth.ErrNotFound.
func (s *Service) client(ctx context.Context, clientID string) (*auth.Client, error) {
	id, err := uuid.Parse(clientID)
	if err != nil || id.String() != clientID { // there is one spelling only
		return nil, auth.ErrNotFound
	}
	c, err := s.store.Client(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("find client: %w", err)
	}
	return c, nil
}

// Token is an access token for a client.
type Token struct {
	AccessToken string
	// ExpiresIn is how long it is valid.
	ExpiresIn time.Duration
}

// Token issues an access token to a client for itself (RFC 6749 §4.4) and a resource; nil means Usher's own API. No
// user is signed in by it: `@auth` refuses it.
func (s *Service) Token(c *auth.Client, resource *string) (*Token, error) {
	if err := s.sessions.CheckResource(resource); err != nil {
		return nil, err
	}
	audience := "" // Usher's own
	if resource != nil {
		audience = *resource
	}
	access, err := s.tokens.SignClient(c.ID.String(), audience)
	if err != nil {
		return nil, fmt.Errorf("sign client token: %w", err)
	}
	return &Token{AccessToken: access, ExpiresIn: s.tokens.TTL()}, nil
}

// RevokeToken ends the session of an access token or refresh token (RFC 7009). The access token may be for any
// audience. The refresh token may be used already: a client that lost the answer to its refresh must be able to sign
// out. An invalid or expired token is no error.
//
// by is the registered client that asks, or nil. It gets ErrForeignToken for the token of a session, since no such
// token is issued to it, and ErrTokenNotRevocable for its own access token.
func (s *Service) RevokeToken(ctx context.Context, by *auth.Client, text string) error {
	if s.tokens == nil {
		return auth.ErrNoTokens
	}
	if claims, err := s.tokens.VerifyClient(text); err == nil {
		if by == nil || by.ID.String() != claims.ClientID {
			return ErrForeignToken
		}
		return ErrTokenNotRevocable
	}
	if by == nil {
		return s.sessions.RevokeByToken(ctx, text)
	}
	_, err := s.sessions.FindByToken(ctx, text)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("revoke token: %w", err)
	}
	return ErrForeignToken
}
