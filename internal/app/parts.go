package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"usher/graph"
	"usher/graph/directive"
	"usher/internal/auth"
	"usher/internal/auth/domain"
	"usher/internal/auth/mailing"
	"usher/internal/auth/throttle"
	"usher/internal/breach"
	"usher/internal/config"
	"usher/internal/keyring"
	"usher/internal/mailbox"
	"usher/internal/observe"
	"usher/internal/otlp"
	"usher/internal/passkey"
	"usher/internal/password"
	"usher/internal/provider"
	"usher/internal/rekey"
	"usher/internal/seal"
	"usher/internal/store"
	"usher/internal/token"
)

// Store stores the data of all parts. *store.Store implements it.
type Store interface {
	auth.Store
	keyring.Store
	rekey.Store
	// Ready returns nil when the database accepts writes and its schema is current.
	Ready(ctx context.Context) error
}

// parts are the parts that a server and the operator's commands share.
type parts struct {
	settings  Settings
	overrides Overrides
	observer  *observe.Observer
	store     Store
	db        *store.Store // the store if open opened it, else nil
	post      *mailing.Post
	mailbox   *mailbox.Mailbox // nil if mails are sent, or not supported
	traces    *otlp.Exporter   // nil if none are exported
	breaches  *breach.Current
	passwords *password.Hasher // set by domain
	passkeys  *passkey.Party   // set by domain; nil without passkeys
	providers *provider.Set    // set by domain; nil without providers
}

func open(ctx context.Context, s Settings, log *slog.Logger, metrics *observe.Metrics, o Overrides) (*parts, error) {
	p := &parts{settings: s, overrides: o, store: o.Store}
	var err error
	if p.traces, err = traces(ctx, &s, log, o.Now); err != nil {
		return nil, err
	}
	p.observer = observe.New(observe.Options{
		Log: log, Now: o.Now, Metrics: metrics, Tracer: p.traces.Tracer(), Propagate: p.traces.Propagates(), Database: databaseSystem(&s),
	})
	list, err := openBreaches(s.Breaches, p.observer, log)
	if err != nil {
		p.traces.Close() //nolint:contextcheck // The last export outlives the context.
		return nil, err
	}
	p.breaches = breach.NewCurrent(list)
	if p.store != nil {
		return p, nil
	}
	if p.db, err = openStore(ctx, s.Database, store.Options{Observer: p.observer, Now: o.Now, Lease: s.DatabaseLease}); err != nil {
		p.traces.Close() //nolint:contextcheck // The last export outlives the context.
		return nil, errors.Join(err, p.breaches.Close())
	}
	p.store = p.db
	return p, nil
}

// openBreaches opens the lists of breached passwords; nil without any.
func openBreaches(s config.Breaches, observer *observe.Observer, log *slog.Logger) (*breach.List, error) {
	list, err := breach.Open(breach.Options{File: s.BreachesFile, URL: s.BreachesURL, Timeout: s.BreachesTimeout, Count: observer.Metrics().CountBreachLookup, Observer: observer, Log: log})
	if err != nil {
		return nil, fmt.Errorf("--breaches: %w", err)
	}
	return list, nil
}

func (p *parts) migrate(ctx context.Context) error {
	if p.db == nil {
		return nil
	}
	return p.db.Migrate(ctx)
}

func (p *parts) close() error {
	p.traces.Close()
	p.providers.Close()
	err := p.breaches.Close()
	if p.db == nil {
		return err
	}
	return errors.Join(err, p.db.Close())
}

// keyring returns the options of the keyring. The secret is needed only to create or use keys.
func (p *parts) keyring(k config.Keys, secrets *seal.Secrets) keyring.Options {
	return keyring.Options{
		Store: p.store, Secrets: secrets, Algorithm: token.Algorithm(k.Algorithm), MaxAge: k.KeyMaxAge, TTL: k.AccessTokenTTL,
		Now: p.overrides.Now, Log: p.observer.Log(),
	}
}

// domain builds the domain. The operator's commands pass neither tokens nor a secret. Nobody can sign in to
// that domain.
func (p *parts) domain(tokens *token.Authority, secrets *seal.Secrets) (*domain.Domain, error) {
	s := p.settings
	required, err := graph.Requirements()
	if err != nil {
		return nil, err
	}
	claim, err := graph.NeedsVerifiedClaim(s.RequireVerifiedEmail)
	if err != nil {
		return nil, err
	}
	var limits map[string][]throttle.Rule
	if secrets != nil { // commands of the operator have no limits
		if limits, err = graph.RateLimits(RateLimits(s.RateLimits)); err != nil {
			return nil, err
		}
	}
	if tokens != nil { // nobody signs in to commands of the operator
		if p.passkeys, err = s.PasskeyParty(); err != nil {
			return nil, err
		}
	}
	redirects, err := p.openProviders(tokens != nil)
	if err != nil {
		return nil, err
	}
	p.passwords = password.New(password.Options{
		Parallel: s.HashParallelism, Queue: s.HashQueue, Observer: p.observer, CheapForTests: p.overrides.CheapPasswords,
	})
	return domain.New(domain.Options{
		Store:     p.store,
		Passwords: p.passwords,
		Policy:    p.policy(),
		Tokens:    tokens,
		Secrets:   secrets,
		Claims:    s.Claims,
		AppName:   s.AppName,
		Passkeys:  p.passkeys,
		Providers: p.providers,

		ProviderRedirects: redirects,

		SecondFactor:  auth.FactorPolicy{Scope: auth.FactorScope(strings.ToUpper(s.RequireSecondFactor)), Grace: s.SecondFactorGrace},
		VerifiedEmail: auth.VerifiedEmail{Required: s.RequireVerifiedEmail, Claim: claim},
		Limits: auth.SessionLimits{
			MaxAge: s.SessionMaxAge, IdleLimit: s.SessionIdle, RefreshGrace: s.RefreshGrace, PerUser: s.SessionsPerUser,
		},
		RateLimits:     limits,
		AuditRetention: s.AuditRetention,
		DeletionGrace:  s.DeletionGrace,
		Signup:         auth.SignupMode(strings.ToUpper(s.SignupMode)),
		Mail:           p.post,
		SigningKeys:    signingKeys(p.keyring(s.Keys, nil)),
		Required:       required,
		Now:            p.overrides.Now,
		Rand:           p.overrides.Rand,
		Observer:       p.observer,
		Log:            p.observer.Log(),
		Meter:          p.observer.Metrics(),
	})
}

func (p *parts) policy() password.Policy {
	return password.Policy{
		MinLength: p.settings.MinLength, Breaches: p.breaches, RequireBreaches: p.settings.BreachesOnError == "reject",
	}
}

// RateLimits returns the rate limits of the settings as graph takes them.
func RateLimits(settings config.RateLimits) map[string]directive.Override {
	overrides := map[string]directive.Override{}
	for name, limit := range settings {
		overrides[name] = directive.Override(limit)
	}
	return overrides
}
