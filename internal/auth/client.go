package auth

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"usher/internal/identity"
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
const FirstPartyClientID = firstParty

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

// Why a token is not revoked.
var (
	// ErrForeignToken says that the token was issued to another client.
	ErrForeignToken = errors.New("token of another client")
	// ErrTokenNotRevocable says that the token has no session that could be ended; it is good until
	// it expires or its client is deleted.
	ErrTokenNotRevocable = errors.New("token cannot be revoked")
)

const (
	clientSecretSize = 32 // 256 bits

	// clientSecretPrefix lets people and scanners of leaked secrets see what the text is.
	clientSecretPrefix = "ucs_"
)

// CreateClient registers a client that serves an API, or none with nil, and returns its secret, which
// is kept nowhere. It is for the operator's commands: nothing asks who calls.
func (s *Service) CreateClient(ctx context.Context, name string, resource *string) (c *Client, secret string, err error) {
	name, err = identity.ParseFullName(name)
	if err != nil || name == "" {
		return nil, "", BadInput(FieldError{
			Path: []string{"name"}, Code: InputInvalidFormat, Message: "Use 1 to 200 characters on one line.",
		})
	}
	var random [clientSecretSize]byte
	if _, err := io.ReadFull(s.rand, random[:]); err != nil {
		return nil, "", fmt.Errorf("new client secret: %w", err)
	}
	secret = clientSecretPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	c = &Client{Name: name, SecretDigest: clientSecretDigest(secret), Resource: resource, CreatedAt: s.now()}
	if c.ID, err = newID(c.CreatedAt, s.rand); err != nil {
		return nil, "", err
	}
	err = s.inTx(ctx, operator, func(ctx context.Context, tx *act) error {
		if err := tx.CreateClient(ctx, c); err != nil {
			return err
		}
		return tx.record(ctx, AuditEvent{Kind: EventClientCreated, ClientID: &c.ID})
	})
	if err != nil {
		return nil, "", fmt.Errorf("create client: %w", err)
	}
	return c, secret, nil
}

// DeleteClient deletes a client for good: it gets no more tokens, and those it has are no longer
// active. It returns ErrNotFound when there is none. It is for the operator's commands: nothing asks
// who calls.
func (s *Service) DeleteClient(ctx context.Context, id uuid.UUID) error {
	err := s.inTx(ctx, operator, func(ctx context.Context, tx *act) error {
		if err := tx.DeleteClient(ctx, id); err != nil {
			return err
		}
		return tx.record(ctx, AuditEvent{Kind: EventClientDeleted, ClientID: &id})
	})
	if err != nil {
		return fmt.Errorf("delete client: %w", err)
	}
	return nil
}

func clientSecretDigest(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// AuthenticateClient finds the client that knows the secret. Whatever is wrong, the error is
// CodeInvalidCredentials. Nothing limits the attempts: there are too many secrets to guess.
func (s *Service) AuthenticateClient(ctx context.Context, clientID, secret string) (*Client, error) {
	c, err := s.client(ctx, clientID)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, errInvalidCredentials
	case err != nil:
		return nil, err
	case subtle.ConstantTimeCompare(c.SecretDigest, clientSecretDigest(secret)) != 1:
		return nil, errInvalidCredentials
	}
	return c, nil
}

// client finds a client by its client_id, or returns ErrNotFound.
func (s *Service) client(ctx context.Context, clientID string) (*Client, error) {
	id, err := uuid.Parse(clientID)
	if err != nil || id.String() != clientID { // there is one spelling only
		return nil, ErrNotFound
	}
	c, err := s.store.Client(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("find client: %w", err)
	}
	return c, nil
}

// ClientToken is an access token for a client. ExpiresIn is in seconds.
type ClientToken struct {
	AccessToken string
	TokenType   string
	ExpiresIn   int
}

// ClientToken gives a client an access token for itself (RFC 6749 §4.4) and a resource; nil means
// Usher's own API. It is nobody's sign-in: `@auth` refuses it.
func (s *Service) ClientToken(c *Client, resource *string) (*ClientToken, error) {
	audience, err := s.audienceFor(resource)
	if err != nil {
		return nil, err
	}
	access, err := s.tokens.SignClient(c.ID.String(), audience)
	if err != nil {
		return nil, fmt.Errorf("sign client token: %w", err)
	}
	return &ClientToken{AccessToken: access, TokenType: tokenType, ExpiresIn: int(s.tokens.TTL() / time.Second)}, nil
}

// tokenType is how access tokens are used (RFC 6750).
const tokenType = "Bearer"

// RevokeToken ends the session that an access token or refresh token belongs to (RFC 7009). The token may be
// an access token for any audience, or any refresh token of the session, used or not: a client that lost the
// answer to its refresh must be able to sign out. A token that is invalid, or no longer valid, is no error.
//
// by is the registered client that asks, or nil. It gets ErrForeignToken for the token of a session, since
// no such token is issued to it, and ErrTokenNotRevocable for its own access token.
func (s *Service) RevokeToken(ctx context.Context, by *Client, text string) error {
	if s.tokens == nil {
		return errNoTokens
	}
	if claims, err := s.tokens.VerifyClient(text); err == nil {
		if by == nil || by.ID.String() != claims.ClientID {
			return ErrForeignToken
		}
		return ErrTokenNotRevocable
	}
	v, err := s.viewerByToken(ctx, text)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("revoke token: %w", err)
	case by != nil:
		return ErrForeignToken
	}
	return s.endSession(ctx, nobody, v, EventTokenRevoked) // it may be a thief who gives the token back
}

// viewerByToken finds the session of an access or refresh token, whatever its state: that of a
// disabled account can be ended too, and is not back when the account is opened again.
func (s *Service) viewerByToken(ctx context.Context, text string) (*Viewer, error) {
	if t, ok := s.openRefreshToken(text); ok {
		state, err := s.store.RefreshState(ctx, t.session)
		switch {
		case err != nil:
			return nil, err
		case subtle.ConstantTimeCompare(state.SecretDigest, t.digest()) != 1:
			return nil, ErrNotFound
		}
		return &state.Viewer, nil
	}
	claims, err := s.tokens.VerifyAny(text)
	if err != nil {
		return nil, ErrNotFound
	}
	id, err := uuid.Parse(claims.SessionID)
	if err != nil {
		return nil, ErrNotFound
	}
	v, err := s.store.Viewer(ctx, id)
	if err == nil && v.User.ID.String() != claims.Subject {
		err = ErrNotFound
	}
	return v, err
}
