package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/token"
)

// Introspection describes a valid access token (RFC 7662 §2.2).
type Introspection struct {
	ClientID string
	// Subject is the id of the user, or of the client in a token without a user.
	Subject string
	// User is nil for the token of a client.
	User *auth.User
	// Custom are the custom claims of the user as they are now.
	Custom map[string]json.RawMessage
	// Assurance, Methods (RFC 8176) and AuthTime say how and when the user authenticated; zero for the token of a client.
	// Factors that were removed since do not count.
	Assurance auth.Assurance
	Methods   []string
	AuthTime  time.Time

	Issuer    string
	Audience  string
	ID        string
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// Introspect describes an access token to a client, if it is valid now: its session and its user must be valid, or
// its client must exist.
//
// A client learns about its own tokens, and about those for the API that it serves (RFC 7662 §4). Introspect
// returns nil for any other text. That includes users' tokens for Usher's own API and refresh tokens: all that a
// client could do with them is replay them.
func (s *Service) Introspect(ctx context.Context, by *auth.Client, text string) (*Introspection, error) {
	if s.tokens == nil {
		return nil, auth.ErrNoTokens
	}
	in, err := s.introspect(ctx, by, text)
	var e *auth.Error
	if errors.Is(err, auth.ErrNotFound) || errors.As(err, &e) && e.Code == auth.CodeUnauthenticated {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("introspect: %w", err)
	}
	return in, nil
}

func (s *Service) introspect(ctx context.Context, by *auth.Client, text string) (*Introspection, error) {
	if claims, err := s.tokens.VerifyClient(text); err == nil {
		return s.introspectClient(ctx, by, claims)
	}
	claims, err := s.tokens.VerifyAny(text)
	if err != nil || !s.serves(by, claims.Audience) {
		return nil, auth.ErrNotFound
	}
	v, err := access.ViewerOf(ctx, s.store, s.tx, claims)
	if err != nil {
		return nil, err
	}
	custom, err := s.sessions.Claims(ctx, &v.User)
	if err != nil {
		return nil, err
	}
	methods := claims.Methods
	if v.FactorRemovedSince(claims.AuthTime) {
		methods = auth.AMR(v.Session.Methods)
	}
	return &Introspection{
		ClientID: claims.ClientID, Subject: claims.Subject, User: s.sessions.Allowed(&v.User), Custom: custom,
		Assurance: v.Assurance(auth.Assurance(claims.Assurance), claims.AuthTime), Methods: methods, AuthTime: claims.AuthTime,
		Issuer: claims.Issuer, Audience: claims.Audience, ID: claims.ID,
		IssuedAt: claims.IssuedAt, ExpiresAt: claims.ExpiresAt,
	}, nil
}

func (s *Service) introspectClient(ctx context.Context, by *auth.Client, claims *token.ClientClaims) (*Introspection, error) {
	if claims.ClientID != by.ID.String() {
		if !s.serves(by, claims.Audience) {
			return nil, auth.ErrNotFound
		}
		if _, err := s.client(ctx, claims.ClientID); err != nil { // it may have been deleted
			return nil, err
		}
	}
	return &Introspection{
		ClientID: claims.ClientID, Subject: claims.ClientID,
		Issuer: claims.Issuer, Audience: claims.Audience, ID: claims.ID,
		IssuedAt: claims.IssuedAt, ExpiresAt: claims.ExpiresAt,
	}, nil
}

// serves reports whether a client serves the API of an audience. No client serves Usher's own, whatever the operator
// has registered.
func (s *Service) serves(c *auth.Client, audience string) bool {
	return c.Resource != nil && *c.Resource == audience && audience != s.tokens.Audience()
}
