package operator

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
)

const (
	clientSecretSize = 32 // 256 bits

	// clientSecretPrefix identifies client secrets to people and to scanners for leaked secrets.
	clientSecretPrefix = "ucs_"
)

// CreateClient registers a client and returns its secret, of which the server keeps only a digest. The resource is the
// API that the client serves; nil means none.
func (s *Service) CreateClient(ctx context.Context, name string, resource *string) (c *auth.Client, secret string, err error) {
	name, err = identity.ParseFullName(name)
	if err != nil || name == "" {
		return nil, "", auth.BadInput(auth.FieldError{
			Field: "name", Code: auth.InputInvalidFormat, Message: "Use 1 to 200 characters on one line.",
		})
	}
	var random [clientSecretSize]byte
	if _, err := io.ReadFull(s.tx.Rand(), random[:]); err != nil {
		return nil, "", fmt.Errorf("new client secret: %w", err)
	}
	secret = clientSecretPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	c = &auth.Client{Name: name, SecretDigest: auth.ClientSecretDigest(secret), Resource: resource, CreatedAt: s.tx.Now()}
	if c.ID, err = s.tx.NewID(); err != nil {
		return nil, "", err
	}
	err = s.tx.Run(ctx, transaction.Operator, func(ctx context.Context, tx *transaction.Tx) error {
		if err := tx.CreateClient(ctx, c); err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventClientCreated, ClientID: &c.ID})
	})
	if err != nil {
		return nil, "", fmt.Errorf("create client: %w", err)
	}
	return c, secret, nil
}

// DeleteClient deletes a client. It gets no more tokens, and its tokens are no longer active. DeleteClient returns
// auth.ErrNotFound when no client has the id.
func (s *Service) DeleteClient(ctx context.Context, id uuid.UUID) error {
	err := s.tx.Run(ctx, transaction.Operator, func(ctx context.Context, tx *transaction.Tx) error {
		if err := tx.DeleteClient(ctx, id); err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventClientDeleted, ClientID: &id})
	})
	if err != nil {
		return fmt.Errorf("delete client: %w", err)
	}
	return nil
}

// Clients lists up to limit clients, the oldest first, after the one with the id after. The zero id means from the
// start.
func (s *Service) Clients(ctx context.Context, page auth.Page[uuid.UUID]) ([]auth.Client, error) {
	return s.store.Clients(ctx, page)
}
