// Package clients owns what registered OAuth clients do: authenticate, get access tokens for themselves, ask about
// tokens and give them back.
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
	"usher/internal/auth/sessions"
	"usher/internal/token"
)

// Store finds clients.
type Store interface {
	// Client finds a client by id.
	Client(ctx context.Context, id uuid.UUID) (*auth.Client, error)
}

// Service serves OAuth clients. It is safe for concurrent use.
type Service struct {
	store    Store
	access   *access.Service
	sessions *sessions.Service
	tokens   *token.Authority
}

// New returns a Service.
func New(store Store, access *access.Service, sessions *sessions.Service, tokens *token.Authority) *Service {
	return &Service{store: store, access: access, sessions: sessions, tokens: tokens}
}

// Why a token is not revoked.
var (
	// ErrForeignToken says that the token was issued to another client.
	ErrForeignToken = errors.New("token of another client")
	// ErrTokenNotRevocable says that the token has no session that could be ended; it is valid until
	// it expires or its client is deleted.
	ErrTokenNotRevocable = errors.New("token cannot be revoked")
)

// Authenticate finds the client that knows the secret. Whatever is wrong, the error is
// CodeInvalidCredentials. Nothing limits the attempts: there are too many secrets to guess.
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

// Token gives a client an access token for itself (RFC 6749 §4.4) and a resource; nil means
// Usher's own API. It is nobody's sign-in: `@auth` refuses it.
func (s *Service) Token(c *auth.Client, resource *string) (*Token, error) {
	audience, err := s.sessions.AudienceFor(resource)
	if err != nil {
		return nil, err
	}
	access, err := s.tokens.SignClient(c.ID.String(), audience)
	if err != nil {
		return nil, fmt.Errorf("sign client token: %w", err)
	}
	return &Token{AccessToken: access, ExpiresIn: s.tokens.TTL()}, nil
}

// RevokeToken ends the session that an access token or refresh token belongs to (RFC 7009). The token may be
// an access token for any audience, or any refresh token of the session, used or not: a client that lost the
// answer to its refresh must be able to sign out. A token that is invalid, or no longer valid, is no error.
//
// by is the registered client that asks, or nil. It gets ErrForeignToken for the token of a session, since
// no such token is issued to it, and ErrTokenNotRevocable for its own access token.
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
	v, err := s.sessions.FindByToken(ctx, text)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("revoke token: %w", err)
	case by != nil:
		return ErrForeignToken
	}
	return s.sessions.RevokeByToken(ctx, v)
}
