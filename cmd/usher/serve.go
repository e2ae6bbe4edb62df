package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql/playground"

	"usher/graph"
	"usher/internal/auth"
	"usher/internal/config"
	"usher/internal/console"
	"usher/internal/httpd"
	"usher/internal/job"
	"usher/internal/keyring"
	"usher/internal/logging"
	"usher/internal/oauth"
	"usher/internal/password"
	"usher/internal/store"
	"usher/internal/token"
)

type serveCommand struct {
	config.Server
	config.Database
	config.Passwords
	config.Log

	inFlight atomic.Int64 // requests
}

// Run serves until it is told to stop.
func (c *serveCommand) Run(w *world) (err error) {
	tuneCollector()
	log, stop := logging.NewBuffered(w.stderr, logging.Options(c.Log))
	defer stop()
	for _, warning := range append(c.Warnings(), w.env.Warnings()...) {
		log.WarnContext(w.ctx, "unsafe setting", "warning", warning)
	}
	secret, err := checked(c.Secret())
	if err != nil {
		return err
	}
	// What can keep the server from starting comes before the migration, which cannot be undone.
	if err := graph.Check(); err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(w.ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // Serve does so too, when it comes to that
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
	if err := db.Ready(w.ctx); err != nil { // migrations are pending, and --no-migrate leaves them so
		return err
	}
	keys, err := keyring.Open(w.ctx, keyring.Options{
		Store: db, Secret: secret.Reveal(), Algorithm: token.Algorithm(c.Algorithm),
		MaxAge: c.KeyMaxAge, TTL: c.AccessTokenTTL, Log: log,
	})
	if err != nil {
		return err
	}
	service, err := c.service(db, keys, secret.Reveal(), log)
	if err != nil {
		return err
	}
	log.InfoContext(w.ctx, "access tokens are for this server unless a client asks for another resource",
		"audience", c.Issuer, "resources", strings.Join(c.Audience, ", "))
	server, err := c.server(w.ctx, service, db, keys, log)
	if err != nil {
		return err
	}
	log.InfoContext(w.ctx, "listening", "address", listener.Addr().String(), "database", c.URL, "version", version)
	if c.Dev {
		welcome(w.stdout, c.Issuer, c.URL)
	}
	ctx, cancel := context.WithCancel(w.ctx)
	var jobs sync.WaitGroup
	defer jobs.Wait()
	defer cancel()
	jobs.Go(func() { job.Every(ctx, keyring.PollInterval, log, "keys", keys.Refresh) })
	jobs.Go(func() { job.Every(ctx, sweepInterval, log, "sweep", service.Sweep) })
	if err := server.Serve(w.ctx, listener); err != nil {
		return err
	}
	log.InfoContext(w.ctx, "stopped")
	return nil
}

// checked returns a secret that is good, or says how to make one.
func checked(secret config.Secret, err error) (config.Secret, error) {
	if err != nil {
		return secret, err
	}
	if err := token.CheckSecret(secret.Reveal()); err != nil {
		return config.Secret{}, fmt.Errorf(`%w. This makes a good one:

    head -c 32 /dev/urandom | base64

If the server has run with the old secret, it names the signing keys to retire when it starts with the new one.
Users sign in again then`, err)
	}
	return secret, nil
}

// tuneCollector lets the garbage collector run less often than Go does, unless $GOGC says how often:
// what the server keeps is small, and what requests leave behind much. It takes 3 MB and saves 9 % of
// the processor time of a request.
func tuneCollector() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

// sweepInterval is how long dead rows may wait to be deleted.
const sweepInterval = 10 * time.Minute

// service puts the domain together.
func (c *serveCommand) service(db *store.Store, keys *keyring.Keyring, secret []byte, log *slog.Logger) (*auth.Service, error) {
	tokens, err := token.New(token.Options{Issuer: c.Issuer, Audience: c.Issuer, Resources: c.Audience, Keys: keys, TTL: c.AccessTokenTTL})
	if err != nil {
		return nil, err
	}
	return auth.New(auth.Options{
		Store:     db,
		Passwords: password.New(password.Options{Parallel: c.HashParallelism, Queue: c.HashQueue, InFlight: c.inFlight.Load}),
		Policy:    password.Policy{MinLength: c.MinLength},
		Tokens:    tokens,
		Secret:    secret,
		Sessions: auth.SessionLimits{
			MaxAge: c.SessionMaxAge, IdleLimit: c.SessionIdle, RefreshGrace: c.RefreshGrace, PerUser: c.SessionsPerUser,
		},
		Log: log,
	})
}

// server puts the edges around it.
func (c *serveCommand) server(ctx context.Context, service *auth.Service, db *store.Store, keys *keyring.Keyring, log *slog.Logger) (*httpd.Server, error) {
	handler, err := graph.New(graph.Options{Auth: service, Introspection: c.Dev, Log: log})
	if err != nil {
		return nil, err
	}
	routes := oauth.Routes(oauth.Options{
		Auth: service, Issuer: c.Issuer, PasswordGrant: c.OAuthPasswordGrant || c.Dev, PublishedKeys: c.Algorithm != string(token.HS256), Log: log,
	})
	routes["/.well-known/jwks.json"] = httpd.JSON(keys.JWKS, keyring.JWKSMaxAge)
	return httpd.New(httpd.Options{
		GraphQL:         handler,
		Routes:          routes,
		Page:            c.addConsole(ctx, routes, log),
		Identify:        service.Identify,
		Ready:           db.Ready,
		AllowedOrigins:  c.AllowedOrigins,
		InsecureCookies: c.InsecureCookies(),
		TrustedProxies:  c.TrustedProxies,
		InFlight:        &c.inFlight,
		Timeouts:        httpd.Timeouts{Drain: *c.ShutdownDelay, Shutdown: c.ShutdownTimeout},
		Log:             log,
	}), nil
}

// addConsole adds what the console needs to the routes and returns its page; nil without it. Only
// developers get the page in its place, which runs scripts of another host.
func (c *serveCommand) addConsole(ctx context.Context, routes map[string]http.Handler, log *slog.Logger) http.Handler {
	if !c.Dev && !c.Console {
		return nil
	}
	routes["/schema.graphqls"] = httpd.Text(graph.SDL())
	page, assets, built := console.Page()
	switch {
	case built:
		routes["/assets/"] = assets
		return page
	case c.Dev:
		log.WarnContext(ctx, "built without the console: the page at / loads GraphiQL from the Internet; `make build` builds it when Node.js is there")
		return console.Fallback(playground.Handler("Usher", "/graphql"))
	default:
		log.WarnContext(ctx, "built without the console: there is no page at /; `make build` builds it when Node.js is there")
		return nil
	}
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
