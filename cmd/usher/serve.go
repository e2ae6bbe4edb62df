package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"

	"github.com/99designs/gqlgen/graphql/playground"

	"usher/graph"
	"usher/internal/auth"
	"usher/internal/config"
	"usher/internal/httpd"
	"usher/internal/password"
	"usher/internal/store"
	"usher/internal/token"
)

type serveCommand struct {
	config.Server
	config.Database
	config.Passwords
	config.Log
}

// Run serves until it is told to stop.
func (c *serveCommand) Run(w *world) (err error) {
	log := c.Logger(w.stderr)
	for _, warning := range c.Warnings() {
		log.WarnContext(w.ctx, warning)
	}
	tokens, err := c.tokens()
	if err != nil {
		return err
	}
	db, err := w.openStore(c.Database, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if !c.NoMigrate {
		if err := db.Migrate(w.ctx); err != nil {
			return err
		}
	}
	server, err := c.server(db, tokens, log)
	if err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(w.ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	log.InfoContext(w.ctx, "listening", "address", listener.Addr().String(), "version", version)
	if c.Dev {
		welcome(w.stdout, c.Issuer, c.Database.URL)
	}
	if err := server.Serve(w.ctx, listener); err != nil {
		return err
	}
	log.InfoContext(w.ctx, "stopped")
	return nil
}

func (c *serveCommand) tokens() (*token.Authority, error) {
	secret, err := c.Secret()
	if err != nil {
		return nil, err
	}
	key, err := token.NewHMACKey(secret.Reveal())
	if err != nil {
		return nil, fmt.Errorf("the server's secret: %w", err)
	}
	return token.New(token.Options{Issuer: c.Issuer, Audience: c.Audience, Keys: key, TTL: c.AccessTokenTTL})
}

// server puts the domain and its edges together.
func (c *serveCommand) server(db *store.Store, tokens *token.Authority, log *slog.Logger) (*httpd.Server, error) {
	service, err := auth.New(auth.Options{
		Store:         db,
		Passwords:     password.New(password.Options{Parallel: c.HashParallelism, Queue: c.HashQueue}),
		Policy:        password.Policy{MinLength: c.MinLength},
		Tokens:        tokens,
		SessionMaxAge: c.SessionMaxAge,
		Log:           log,
	})
	if err != nil {
		return nil, err
	}
	handler, err := graph.New(graph.Options{Auth: service, Introspection: c.Dev, Log: log})
	if err != nil {
		return nil, err
	}
	var page http.Handler
	if c.Dev {
		page = playground.Handler("Usher", "/graphql")
	}
	return httpd.New(httpd.Options{
		GraphQL:        handler,
		Page:           page,
		Identify:       service.Identify,
		Ready:          db.Ready,
		TrustedProxies: c.TrustedProxies,
		Timeouts:       httpd.Timeouts{Drain: c.ShutdownDelay, Shutdown: c.ShutdownTimeout},
		Log:            log,
	}), nil
}

// welcome tells a developer where things are and what to do next.
func welcome(w io.Writer, url string, database config.DatabaseURL) {
	fmt.Fprintf(w, `
Usher runs for development, with the database %s.

  GraphQL   %s/graphql
  GraphiQL  %s/

Sign up, from another terminal:

  curl -s %s/graphql -H 'Content-Type: application/json' -d '{
    "query": "mutation ($input: SignupInput!) { signup(input: $input) { accessToken user { id username } } }",
    "variables": {"input": {"username": "ada", "password": "four small green turtles"}}}'

`, database, url, url, url)
}
