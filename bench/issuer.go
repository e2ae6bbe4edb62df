package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/keyring"
	"usher/internal/store"
	"usher/internal/token"
)

// issuer makes tokens that a server takes for its own: it has the same secret, and the same keys out
// of the same database.
type issuer struct {
	store  *store.Store
	access *token.Authority
}

// accessTTL outlives a run of the bench.
const accessTTL = 4 * time.Hour

// openIssuer opens the issuer of a server at an address, which runs with an algorithm on a database.
func openIssuer(ctx context.Context, address, database string, algorithm token.Algorithm) (*issuer, error) {
	log := slog.New(slog.DiscardHandler)
	s, err := store.Open(ctx, database, store.Options{Log: log})
	if err != nil {
		return nil, err
	}
	i := &issuer{store: s}
	keys, err := keyring.Open(ctx, keyring.Options{
		Store: s, Secret: []byte(secret), Algorithm: algorithm, MaxAge: 90 * 24 * time.Hour, TTL: accessTTL, Log: log,
	})
	if err == nil {
		name := "http://" + address
		i.access, err = token.New(token.Options{Issuer: name, Audience: name, Keys: keys, TTL: accessTTL})
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return i, nil
}

func (i *issuer) close() error { return i.store.Close() }

// accessToken returns an access token of a user's session.
func (i *issuer) accessToken(user, session uuid.UUID) (string, error) {
	return i.access.Sign(token.Claims{
		Subject: user.String(), SessionID: session.String(), ClientID: "usher", AuthTime: now(), Roles: []string{string(auth.RoleUser)},
	})
}

// refreshTokens signs some users in, and returns their refresh tokens. Their sessions lie evenly among
// those of the population, by the clock that they begin at, and so do the users.
func (i *issuer) refreshTokens(ctx context.Context, p population, many int) ([]string, error) {
	var at time.Time
	service, err := i.service(func() time.Time { return at })
	if err != nil {
		return nil, err
	}
	all := make([]string, many)
	for n := range all {
		at = p.sessionStart(n * p.users * p.sessions / many)
		payload, err := service.Login(ctx, auth.LoginInput{Identifier: userName(p.some(n)), Password: typedPassword})
		if err != nil {
			return nil, err
		}
		all[n] = *payload.RefreshToken
	}
	return all, nil
}

// service returns the domain on the same database, with hashes that cost nothing.
func (i *issuer) service(clock func() time.Time) (*auth.Service, error) {
	return auth.New(auth.Options{
		Store: i.store, Passwords: cheap, Tokens: i.access, Secret: []byte(secret), Now: clock, Log: slog.New(slog.DiscardHandler),
	})
}
