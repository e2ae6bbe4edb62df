package auth

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// Client is another program that an operator has registered, to get tokens for itself and to ask
// about those of others. It is confidential (RFC 6749 §2.1): it keeps a secret.
type Client struct {
	// ID is its client_id.
	ID   uuid.UUID
	Name string
	// SecretDigest is the SHA-256 digest of its secret, which is random and too long to be guessed.
	SecretDigest []byte
	// Resource is the API that it serves, by the audience of the access tokens that are for it; nil when
	// it serves none. Several clients may serve the same one.
	Resource  *string
	CreatedAt time.Time
}

// FirstPartyClientID is the client_id of the frontends that sign users in. They keep no secret and
// need not name themselves: holding a token is all they have to show (RFC 6749 §2.1, "public").
const FirstPartyClientID = "usher"

// ClientStore keeps the registered clients.
type ClientStore interface {
	// CreateClient writes a new client.
	CreateClient(ctx context.Context, c *Client) error
	// Client finds a client by id.
	Client(ctx context.Context, id uuid.UUID) (*Client, error)
	// Clients lists up to limit clients after the one with the id after, oldest first. The zero id
	// begins at the first.
	Clients(ctx context.Context, after uuid.UUID, limit int) ([]Client, error)
	// DeleteClient deletes a client for good.
	DeleteClient(ctx context.Context, id uuid.UUID) error
}

// ClientSecretDigest is what the server keeps of a client's secret.
func ClientSecretDigest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
