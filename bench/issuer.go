package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/auth/sessions"
	"usher/internal/config"
	"usher/internal/token"
)

// issuer signs tokens that a server accepts: it has the server's secret, and the keys from the server's database.
type issuer struct {
	*app.App
	settings app.Settings
}

// accessTTL exceeds the duration of a run.
const accessTTL = 4 * time.Hour

// openIssuer opens the issuer for a server with an address, a database and an algorithm.
func openIssuer(ctx context.Context, address, database string, algorithm token.Algorithm) (*issuer, error) {
	settings := app.Settings{
		Server: config.Server{
			Issuer: "http://" + address,
			Keys: config.Keys{
				SecretKey: config.NewSecret(secret), Algorithm: string(algorithm), KeyMaxAge: 90 * 24 * time.Hour, AccessTokenTTL: accessTTL,
			},
			NoMigrate: true,
		},
		Database: config.Database{URL: config.DatabaseURL(database)},
	}
	a, err := app.New(ctx, settings, slog.New(slog.DiscardHandler), app.Overrides{CheapPasswords: true})
	if err != nil {
		return nil, err
	}
	return &issuer{a, settings}, nil
}

// accessToken returns an access token of a user's session.
func (i *issuer) accessToken(user, session uuid.UUID) (string, error) {
	return i.Tokens.Sign(token.Claims{
		Subject: user.String(), SessionID: session.String(), ClientID: "usher", AuthTime: now(), Roles: []string{string(auth.RoleUser)},
	})
}

// refreshTokens signs in users and returns their refresh tokens. The users, and the start times of their sessions,
// are evenly distributed over the population.
func (i *issuer) refreshTokens(ctx context.Context, p population, many int) (_ []string, err error) {
	at := now()
	settings := i.settings
	settings.Algorithm = string(token.HS256) // signs at any time; the access tokens are not used
	past, err := app.New(ctx, settings, slog.New(slog.DiscardHandler), app.Overrides{
		CheapPasswords: true, Now: func() time.Time { return at },
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, past.Close()) }() //nolint:contextcheck // The last export of traces outlives the context.
	all := make([]string, many)
	for n := range all {
		at = p.sessionStart(n * p.users * p.sessions / many)
		payload, err := past.Domain.Sessions.Login(ctx, sessions.LoginInput{Identifier: userName(p.some(n)), Password: typedPassword})
		if err != nil {
			return nil, err
		}
		all[n] = payload.RefreshToken
	}
	return all, nil
}
