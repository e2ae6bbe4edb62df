package auth

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/google/uuid"
)

// Client is a registered OAuth client. It gets tokens for itself and introspects those of others. It is confidential
// (RFC 6749 §2.1): it keeps a secret.
type Client struct {
	// ID is its client_id.
	ID   uuid.UUID
	Name string
	// SecretDigest is the SHA-256 digest of its secret. The secret is random and too long to guess.
	SecretDigest []byte
	// Resource is the API that it serves, as in the audience of access tokens; nil if it serves none. Several
	// clients may serve the same API.
	Resource  *string
	CreatedAt time.Time
}

// FirstPartyClientID is the client_id of the frontends that sign users in. They are public clients (RFC 6749 §2.1): they
// keep no secret and do not authenticate.
const FirstPartyClientID = "usher"

// ClientStore keeps the registered clients.
type ClientStore interface {
	// CreateClient writes a new client.
	CreateClient(ctx context.Context, c *Client) error
	// Client finds a client by id.
	Client(ctx context.Context, id uuid.UUID) (*Client, error)
	// Clients lists a page of the clients, oldest first. Their ids are the positions.
	Clients(ctx context.Context, page Page[uuid.UUID]) ([]Client, error)
	// DeleteClient deletes a client.
	DeleteClient(ctx context.Context, id uuid.UUID) error
}

// ClientSecretDigest returns the digest of a client's secret.
func ClientSecretDigest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
