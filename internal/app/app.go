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
	"sync/atomic"
	"time"

	"usher/graph"
	"usher/graph/trusted"
	"usher/internal/auth/access"
	"usher/internal/auth/domain"
	"usher/internal/auth/mailing"
	"usher/internal/config"
	"usher/internal/job"
	"usher/internal/keyring"
	"usher/internal/rekey"
	"usher/internal/seal"
	"usher/internal/token"
)

// Settings are the settings of a server.
type Settings struct {
	config.Server
	config.Database
	config.Passwords

	// Version is that of the program, for metrics and traces.
	Version string
	// Commit is that of the program, for metrics; empty if it is unknown.
	Commit string
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
	// Admin is the operator's listener, for metrics. Serve closes it. It requires the setting AdminListen. Nil means none.
	Admin net.Listener

	parts   *parts
	keys    *keyring.Keyring
	secrets *seal.Secrets
	rekey   *rekey.Service
	mails   mailState

	reloading sync.Mutex           // held by Reload
	edge      atomic.Pointer[edge] // what serves new requests
}

// New opens the database, migrates it unless NoMigrate is set, and returns a server on it. The caller must
// close the App.
func New(ctx context.Context, s Settings, log *slog.Logger, o Overrides) (_ *App, err error) {
	// Check what can be checked before the migration, which cannot be undone.
	secrets, err := Secrets(&s.Server, o.Now)
	if err != nil {
		return nil, err
	}
	a := &App{secrets: secrets}
	post, box, err := post(&s.Server, nil, o.Now)
	if err != nil {
		return nil, err
	}
	if err := graph.Check(); err != nil {
		return nil, err
	}
	if _, err := graph.RateLimits(RateLimits(s.RateLimits)); err != nil {
		return nil, fmt.Errorf("--rate-limits: %w", err)
	}
	documents, err := trustedDocuments(ctx, s, log)
	if err != nil {
		return nil, err
	}
	metrics, err := a.newMetrics(ctx, s, documents, cmp.Or(o.Mail, post) != nil, log)
	if err != nil {
		return nil, err
	}
	if a.parts, err = open(ctx, s, log, metrics, o); err != nil {
		return nil, err
	}
	a.parts.post, a.parts.mailbox = cmp.Or(o.Mail, post), box
	if err := a.start(ctx, documents); err != nil {
		return nil, errors.Join(err, a.Close()) //nolint:contextcheck // The last export outlives the context.
	}
	return a, nil
}

func (a *App) start(ctx context.Context, documents *trusted.Documents) error {
	p, s, secrets := a.parts, a.parts.settings, a.secrets
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
	if a.rekey, err = p.rekey(secrets); err != nil {
		return err
	}
	if _, err = a.rekey.Load(ctx); err != nil {
		return err
	}
	// Open fails with a wrong secret, whose use must not be recorded.
	if a.keys, err = keyring.Open(ctx, p.keyring(s.Keys, secrets)); err != nil {
		return err
	}
	if err := a.rekey.Use(ctx); err != nil {
		return err
	}
	a.Tokens, err = token.New(token.Options{
		Issuer: s.Issuer, Audience: s.Issuer, Resources: s.Audience, Keys: a.keys, TTL: s.AccessTokenTTL, Now: p.overrides.Now,
	})
	if err != nil {
		return err
	}
	if a.Domain, err = p.domain(a.Tokens, secrets); err != nil {
		return err
	}
	p.registerReseals(a.rekey, secrets, a.Domain)
	if err := a.Domain.Access.RefreshPermissions(ctx); err != nil {
		return err
	}
	if err := p.warnOfUnverified(ctx); err != nil {
		return err
	}
	first, err := a.newEdge(ctx, s, documents, a.Domain.Throttle, p.observer.Log())
	if err != nil {
		return err
	}
	a.edge.Store(first)
	return nil
}

// ServeHTTP implements http.Handler.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.edge.Load().server.ServeHTTP(w, r) }

// Routes returns the handlers of the server by pattern. The handler of a disabled route is nil.
func (a *App) Routes() map[string]http.Handler { return a.edge.Load().routes }

// sweepInterval is the interval at which expired rows are deleted.
const sweepInterval = 10 * time.Minute

// Serve serves requests on l, metrics on the operator's listener, and runs the jobs until ctx ends. It closes l.
func (a *App) Serve(ctx context.Context, l net.Listener) error {
	jobsCtx, cancel := context.WithCancel(ctx)
	var jobs sync.WaitGroup
	defer jobs.Wait()
	defer cancel()
	log := a.parts.observer.Log()
	if a.Admin != nil {
		// Until the last request is answered: monitoring must not take a server that stops for one that has failed.
		adminCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
		defer stop()
		jobs.Go(func() { a.serveAdmin(adminCtx) })
	}
	every := func(interval time.Duration, wake <-chan struct{}, name string, run func(context.Context) error) {
		jobs.Go(func() { job.EveryOrWhen(jobsCtx, interval, wake, log, name, a.counted(name, run)) })
	}
	every(keyring.PollInterval, nil, jobKeys, a.keys.Refresh)
	every(access.PermissionsInterval, nil, jobPermissions, a.Domain.Access.RefreshPermissions)
	every(mailing.PollInterval, a.Domain.Outbox.Wake(), jobMail, a.Domain.Outbox.Deliver)
	every(rekey.Interval, nil, jobSecrets, a.rekey.Keep)
	every(sweepInterval, nil, jobSweep, a.Domain.Operator.Sweep)
	return a.edge.Load().server.Serve(ctx, l)
}

// Close sends the spans that wait, and closes the database.
func (a *App) Close() error { return a.parts.close() }
