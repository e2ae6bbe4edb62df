// Package app is the composition root. It builds a server and its jobs from the settings, and the Operator
// of the operator's commands. Commands, tests and the bench use it.
package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"usher/graph"
	"usher/graph/trusted"
	"usher/internal/auth/access"
	"usher/internal/auth/domain"
	"usher/internal/auth/mailing"
	"usher/internal/config"
	"usher/internal/httpd"
	"usher/internal/job"
	"usher/internal/keyring"
	"usher/internal/oauth"
	"usher/internal/token"
)

// Settings are the settings of a server.
type Settings struct {
	config.Server
	config.Database
	config.Passwords
}

// Overrides replace dependencies in tests. A real server uses the zero value.
type Overrides struct {
	// Now is the clock.
	Now func() time.Time
	// Rand is the source of ids and secrets. It must be safe for concurrent use.
	Rand io.Reader
	// Store replaces the database in the settings. It must be migrated. The App does not close it.
	Store Store
	// CheapPasswords makes password hashes that are fast to compute and do not protect passwords.
	CheapPasswords bool
	// Mail replaces the SMTP server of the settings.
	Mail *mailing.Post
	// GraphQL replaces graph.New.
	GraphQL func(graph.Options) (http.Handler, error)
}

// App is a server. It is an http.Handler, and Serve runs it on a listener.
type App struct {
	// Domain is the domain, and Tokens signs and verifies its access tokens.
	Domain *domain.Domain
	Tokens *token.Authority
	// Routes are the handlers of the server by pattern. The handler of a disabled route is nil.
	Routes map[string]http.Handler

	parts     *parts
	documents *trusted.Documents
	keys      *keyring.Keyring
	server    *httpd.Server
}

// New opens the database, migrates it unless NoMigrate is set, and returns a server on it. The caller must
// close the App.
func New(ctx context.Context, s Settings, log *slog.Logger, o Overrides) (_ *App, err error) {
	// Check what can be checked before the migration, which cannot be undone.
	secret, err := Secret(&s.Server)
	if err != nil {
		return nil, err
	}
	a := &App{}
	post, box, err := post(&s.Server, o.Now)
	if err != nil {
		return nil, err
	}
	if err := graph.Check(); err != nil {
		return nil, err
	}
	if _, err := graph.RateLimits(RateLimits(s.RateLimits)); err != nil {
		return nil, fmt.Errorf("--rate-limits: %w", err)
	}
	if a.documents, err = trustedDocuments(ctx, s, log); err != nil {
		return nil, err
	}
	if a.parts, err = open(ctx, s, log, o); err != nil {
		return nil, err
	}
	a.parts.post, a.parts.mailbox = cmp.Or(o.Mail, post), box
	if err := a.start(ctx, secret); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

func (a *App) start(ctx context.Context, secret []byte) error {
	p, s := a.parts, a.parts.settings
	if !s.NoMigrate {
		if err := p.migrate(ctx); err != nil {
			return err
		}
	}
	err := p.store.Ready(ctx) // fails if migrations are pending and NoMigrate is set
	if err != nil {
		return err
	}
	if err := p.checkRoles(ctx); err != nil {
		return err
	}
	if a.keys, err = keyring.Open(ctx, p.keyring(s.Keys, secret)); err != nil {
		return err
	}
	a.Tokens, err = token.New(token.Options{
		Issuer: s.Issuer, Audience: s.Issuer, Resources: s.Audience, Keys: a.keys, TTL: s.AccessTokenTTL, Now: p.overrides.Now,
	})
	if err != nil {
		return err
	}
	if a.Domain, err = p.domain(a.Tokens, secret); err != nil {
		return err
	}
	if err := a.Domain.Access.RefreshPermissions(ctx); err != nil {
		return err
	}
	if err := p.warnOfUnverified(ctx); err != nil {
		return err
	}
	return a.newServer(ctx, secret)
}

// newServer builds the handlers and the HTTP server.
func (a *App) newServer(ctx context.Context, secret []byte) error {
	p, s, d := a.parts, a.parts.settings, a.Domain
	newGraphQL := graph.New
	if p.overrides.GraphQL != nil {
		newGraphQL = p.overrides.GraphQL
	}
	graphQL, err := newGraphQL(graph.Options{
		Access: d.Access, Throttle: d.Throttle, RateLimits: RateLimits(s.RateLimits), Sessions: d.Sessions, Accounts: d.Accounts, Admin: d.Admin, Recovery: d.Recovery,
		Secret: secret, Observer: p.observer, RequireVerifiedEmail: s.RequireVerifiedEmail, Introspection: s.Dev,
		Documents: a.documents, OnlyDocuments: onlyTrusted(s),
	})
	if err != nil {
		return err
	}
	endpoints := oauth.New(oauth.Options{
		Access: d.Access, Throttle: d.Throttle, Sessions: d.Sessions, Clients: d.Clients, Issuer: s.Issuer, PasswordGrant: passwordGrant(s),
		RequireVerifiedEmail: s.RequireVerifiedEmail,
		PublishedKeys:        s.Algorithm != string(token.HS256), Log: p.observer.Log(),
	})
	page, err := newConsole(ctx, s, p.mailbox, p.observer.Log())
	if err != nil {
		return err
	}
	timeouts := httpd.Timeouts{Shutdown: s.ShutdownTimeout}
	if s.ShutdownDelay != nil {
		timeouts.Drain = *s.ShutdownDelay
	}
	a.server = httpd.New(httpd.Options{
		Routes: func(server *httpd.Server) map[string]http.Handler {
			a.Routes = routes(s, server, graphQL, endpoints, a.keys, page)
			return a.Routes
		},
		Identify:        d.Access.Identify,
		Ready:           p.store.Ready,
		AllowedOrigins:  s.AllowedOrigins,
		LoopbackOrigins: s.Dev,
		AllowedHeaders:  s.AllowedHeaders,
		InsecureCookies: s.InsecureCookies(),
		TrustedProxies:  s.TrustedProxies,
		Timeouts:        timeouts,
		Observer:        p.observer,
		Now:             p.overrides.Now,
		Rand:            p.overrides.Rand,
	})
	return nil
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.server.ServeHTTP(w, r) }

// sweepInterval is the interval at which expired rows are deleted.
const sweepInterval = 10 * time.Minute

// Serve serves requests on l and runs the jobs until ctx ends. It closes l.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	jobsCtx, cancel := context.WithCancel(ctx)
	var jobs sync.WaitGroup
	defer jobs.Wait()
	defer cancel()
	log := a.parts.observer.Log()
	jobs.Go(func() { job.Every(jobsCtx, keyring.PollInterval, log, "keys", a.keys.Refresh) })
	jobs.Go(func() {
		job.Every(jobsCtx, access.PermissionsInterval, log, "permissions", a.Domain.Access.RefreshPermissions)
	})
	jobs.Go(func() {
		job.EveryOrWhen(jobsCtx, mailing.PollInterval, a.Domain.Outbox.Wake(), log, "mail", a.Domain.Outbox.Deliver)
	})
	jobs.Go(func() { job.Every(jobsCtx, sweepInterval, log, "sweep", a.Domain.Operator.Sweep) })
	return a.server.Serve(ctx, l)
}

// Close closes the database.
func (a *App) Close() error { return a.parts.close() }
