package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/logging"
)

type serveCommand struct {
	config.Server
	config.Database
	config.Passwords
	config.Log
}

// Run serves until it is told to stop.
func (c *serveCommand) Run(w *world) (err error) {
	tuneProcess()
	log, stop := logging.NewBuffered(w.stderr, logging.Options(c.Log))
	defer stop()
	for _, warning := range append(c.Warnings(), w.env.Warnings()...) {
		log.WarnContext(w.ctx, "unsafe setting", "warning", warning)
	}
	listener, err := new(net.ListenConfig).Listen(w.ctx, "tcp", c.Listen) // before the migration, which cannot be undone
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // Serve does so too, when it comes to that
	server, err := app.New(w.ctx, app.Settings{Server: c.Server, Database: c.Database, Passwords: c.Passwords}, log, app.Overrides{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	log.InfoContext(w.ctx, "access tokens are for this server unless a client asks for another resource",
		"audience", c.Issuer, "resources", strings.Join(c.Audience, ", "))
	log.InfoContext(w.ctx, "listening", "address", listener.Addr().String(), "database", c.URL, "version", version)
	if c.Dev {
		welcome(w.stdout, c.Issuer, c.URL)
	}
	if err := server.Serve(w.ctx, listener); err != nil {
		return err
	}
	log.InfoContext(w.ctx, "stopped")
	return nil
}

// welcome tells a developer where things are and what to do next.
func welcome(w io.Writer, url string, database config.DatabaseURL) {
	fmt.Fprintf(w, `
Usher runs for development, with the database %s.

  GraphQL   %s/graphql
  Console   %s/
  Schema    %s/schema.graphqls

Sign up, from another terminal:

  curl -s %s/graphql -H 'Content-Type: application/json' -d '{
    "query": "mutation ($input: SignupInput!) { signup(input: $input) { accessToken user { id username } } }",
    "variables": {"input": {"username": "ada", "password": "four small green turtles"}}}'

`, database, url, url, url, url)
}
