package admin

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// OAuthClients lists a page of the OAuth clients, the oldest first.
func (s *Service) OAuthClients(ctx context.Context, page auth.Page[uuid.UUID]) ([]auth.Client, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	return s.store.Clients(ctx, page)
}

// OAuthClient returns the client with an id, or nil if no client has the id.
func (s *Service) OAuthClient(ctx context.Context, id uuid.UUID) (*auth.Client, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	client, err := s.store.Client(ctx, id)
	if errors.Is(err, auth.ErrNotFound) {
		return nil, nil
	}
	return client, err
}

// SigningKeys lists the signing keys, the newest first.
func (s *Service) SigningKeys(ctx context.Context) ([]auth.SigningKey, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	if s.signingKeys == nil {
		return []auth.SigningKey{}, nil
	}
	return s.signingKeys(ctx)
}
