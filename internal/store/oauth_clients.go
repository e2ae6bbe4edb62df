package store

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var clientColumns = columns{"id", "name", "secret_digest", "resource", "created_at"}

func clientFields(c *auth.Client) []any {
	return []any{&c.ID, &c.Name, &c.SecretDigest, &c.Resource, (*timestamp)(&c.CreatedAt)}
}

var insertClient = clientColumns.insert("oauth_clients")

// CreateClient implements auth.ClientStore.
func (s *Store) CreateClient(ctx context.Context, c *auth.Client) error {
	_, err := s.exec(ctx, "create client", insertClient, clientFields(c)...)
	return err
}

var clientByID = `SELECT ` + clientColumns.of("oauth_clients") + ` FROM oauth_clients WHERE id = $1`

// Client implements auth.ClientStore.
func (s *Store) Client(ctx context.Context, id uuid.UUID) (*auth.Client, error) {
	c := new(auth.Client)
	if err := s.row(ctx, "find client", clientFields(c), clientByID, id); err != nil {
		return nil, err
	}
	return c, nil
}

// oldestClientFirst orders clients by creation: their IDs are UUIDs of version 7 (RFC 9562, section 5.7).
var oldestClientFirst = order{columns: []string{"id"}}

// Clients implements auth.ClientStore.
func (s *Store) Clients(ctx context.Context, page auth.Page[uuid.UUID]) ([]auth.Client, error) {
	found := where(between(oldestClientFirst, page, func(id *uuid.UUID) []any { return []any{*id} }))
	query := `SELECT ` + clientColumns.of("oauth_clients") + ` FROM oauth_clients` + found.text + orderBy(oldestClientFirst, page)
	clients, err := list(ctx, s.read, "list clients", clientFields, numbered(query), append(found.args, page.Limit)...)
	inListOrder(clients, page)
	return clients, err
}

// DeleteClient implements auth.ClientStore.
func (s *Store) DeleteClient(ctx context.Context, id uuid.UUID) error {
	return s.change(ctx, "delete client", `DELETE FROM oauth_clients WHERE id = $1`, id)
}
