// Package domain puts the parts of the domain together.
package domain

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/access"
	"usher/internal/auth/accounts"
	"usher/internal/auth/admin"
	"usher/internal/auth/clients"
	"usher/internal/auth/factors"
	"usher/internal/auth/identities"
	"usher/internal/auth/internal/device"
	"usher/internal/auth/internal/proof"
	"usher/internal/auth/internal/transaction"
	"usher/internal/auth/mailing"
	"usher/internal/auth/operator"
	"usher/internal/auth/recovery"
	"usher/internal/auth/sessions"
	"usher/internal/auth/throttle"
	"usher/internal/challenge"
	"usher/internal/claims"
	"usher/internal/observe"
	"usher/internal/passkey"
	"usher/internal/password"
	"usher/internal/provider"
	"usher/internal/seal"
	"usher/internal/token"
)

// Options are what the domain needs. Store and Passwords are required.
type Options struct {
	Store     auth.Store
	Passwords *password.Hasher
	Policy    password.Policy
	// Tokens signs and verifies access tokens. Without it nobody can sign in and every request is anonymous, as in
	// the operator's commands.
	Tokens *token.Authority
	// Secrets is the server's secret, from which keys are derived. Tokens and Mail require it.
	Secrets *seal.Secrets
	// Claims says which custom claims access tokens have.
	Claims claims.Mapping
	// DeletionGrace is how long after deleteMe an account is deleted. Zero deletes it at once.
	DeletionGrace time.Duration
	// Signup says how people get an account. Modes other than auth.SignupOpen and auth.SignupClosed require Mail.
	Signup auth.SignupMode
	// AuditRetention is how long events stay in the audit log; 0 keeps all.
	AuditRetention time.Duration
	// Mail is how mails leave the server. Nil means that it sends none.
	Mail *mailing.Post
	// AppName is the name of the service in authenticator apps.
	AppName string
	// Passkeys is what passkeys belong to. Nil means that nobody can use any.
	Passkeys *passkey.Party
	// Providers are what users can sign in with; nil for nothing. ProviderRedirects are the URLs to which such a sign-in may
	// return.
	Providers         *provider.Set
	ProviderRedirects provider.Redirects
	// VerifiedEmail says what depends on a verified e-mail address.
	VerifiedEmail auth.VerifiedEmail
	// SecondFactor says who must set up a second factor.
	SecondFactor auth.FactorPolicy
	Limits       auth.SessionLimits
	// RateLimits are the rate limits of the schema, by the coordinates of its fields. They require Secrets, even if they are
	// empty. Nil means that there never are any.
	RateLimits map[string][]throttle.Rule
	// SigningKeys reads the signing keys for administrators. Nil means that there are none to list.
	SigningKeys admin.ReadSigningKeys
	// Required is what the schema requires of roles. No change to a role may take it away.
	Required auth.Requirements
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Rand is the source of ids and secrets. Nil means crypto/rand.
	Rand io.Reader
	// Observer observes guards and mails. Nil means that nothing does.
	Observer *observe.Observer
	// Log receives security events. Nil means slog.Default.
	Log *slog.Logger
	// Meter counts what happens. Nil means that nothing is counted.
	Meter auth.Meter
}

// Domain is the domain in its parts, one for each kind of caller.
type Domain struct {
	Access   *access.Service
	Sessions *sessions.Service
	Accounts *accounts.Service
	Admin    *admin.Service
	Clients  *clients.Service
	Recovery *recovery.Service
	Factors  *factors.Service
	// Identities serves sign-ins at providers.
	Identities *identities.Service
	Outbox     *mailing.Outbox
	Throttle   *throttle.Service
	// Operator checks no caller. It must not reach an edge.
	Operator *operator.Service
}

// New returns the domain, or an error that names the missing option.
func New(o Options) (*Domain, error) {
	switch {
	case o.Store == nil:
		return nil, errors.New("domain: no store")
	case o.Passwords == nil:
		return nil, errors.New("domain: no password hasher")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Meter == nil {
		o.Meter = auth.Uncounted{}
	}
	var refreshTokens seal.Key
	var devices device.Tokens
	var err error
	if o.Tokens != nil {
		if refreshTokens, err = seal.NewKey(o.Secrets, "usher refresh token"); err != nil {
			return nil, err
		}
		if devices, err = device.NewTokens(o.Secrets, o.Now); err != nil {
			return nil, err
		}
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	log, limits := cmp.Or(o.Log, slog.Default()), o.Limits.OrDefaults()

	tx := transaction.New(transaction.Options{Store: o.Store, IdleLimit: limits.IdleLimit, Now: o.Now, Rand: o.Rand, Log: log, Meter: o.Meter})
	proofs := proof.New(proof.Options{
		Store: o.Store, Passwords: o.Passwords, Policy: o.Policy, Devices: devices, Tx: tx, Log: log,
	})
	d := &Domain{Access: access.New(access.Options{
		Store: o.Store, Tokens: o.Tokens, SecondFactor: o.SecondFactor, SendsMail: o.Mail != nil, Tx: tx, Observer: o.Observer,
	})}
	if d.Outbox, err = mailing.New(mailing.Options{Store: o.Store, Tx: tx, Post: o.Mail, Secrets: o.Secrets, Observer: o.Observer, Log: log}); err != nil {
		return nil, err
	}
	var seconds *proof.Factors
	var mailed *proof.Mailed
	var others *proof.Identities
	if o.Secrets != nil {
		if mailed, err = proof.NewMailed(o.Secrets, tx); err != nil {
			return nil, err
		}
		if seconds, err = proof.NewFactors(o.Store, proofs, mailed, o.Secrets, o.Passkeys); err != nil {
			return nil, err
		}
		if others, err = proof.NewIdentities(o.Store, seconds, o.Secrets, o.Providers, o.ProviderRedirects); err != nil {
			return nil, err
		}
	}
	d.Sessions = sessions.New(sessions.Options{
		Store: o.Store, Access: d.Access, Proofs: proofs, Factors: seconds, Outbox: d.Outbox, Tx: tx,
		Tokens: o.Tokens, RefreshTokens: refreshTokens, Devices: devices, Claims: o.Claims,
		VerifiedEmail: o.VerifiedEmail, SecondFactor: o.SecondFactor, Limits: limits, Log: log,
	})
	d.Factors = factors.New(factors.Options{Store: o.Store, Access: d.Access, Proofs: seconds, Identities: others, Outbox: d.Outbox, Tx: tx, App: cmp.Or(o.AppName, "Usher"), Required: o.SecondFactor})
	maker := accounts.NewMaker(o.Passwords, o.Policy, tx)
	d.Accounts = accounts.New(accounts.Options{
		Store: o.Store, Maker: maker, Access: d.Access, Sessions: d.Sessions, Proofs: proofs, Outbox: d.Outbox, Tx: tx,
		Signup: o.Signup, DeletionGrace: o.DeletionGrace,
	})
	d.Admin = admin.New(admin.Options{
		Store: o.Store, Access: d.Access, Maker: maker, Outbox: d.Outbox, Tx: tx,
		SigningKeys: o.SigningKeys, Required: o.Required, Signup: o.Signup,
	})
	if d.Throttle, err = newThrottle(&o, devices, log); err != nil {
		return nil, err
	}
	d.Recovery = recovery.New(recovery.Options{
		Access: d.Access, Sessions: d.Sessions, Maker: maker, Mailed: mailed, Outbox: d.Outbox, Tx: tx,
		Signup: o.Signup,
	})
	d.Identities = identities.New(identities.Options{
		Store: o.Store, Access: d.Access, Sessions: d.Sessions, Maker: maker, Proofs: others, Outbox: d.Outbox, Tx: tx,
		Providers: o.Providers, Signup: o.Signup,
	})
	d.Clients = clients.New(o.Store, d.Sessions, o.Tokens, tx)
	d.Operator = operator.New(operator.Options{
		Store: o.Store, Maker: maker, Outbox: d.Outbox, Tx: tx, Required: o.Required, Signup: o.Signup, Log: log,
		AuditRetention: o.AuditRetention,
	})
	return d, nil
}

func newThrottle(o *Options, devices device.Tokens, log *slog.Logger) (*throttle.Service, error) {
	if o.RateLimits == nil {
		return &throttle.Service{}, nil
	}
	counters, err := seal.NewKey(o.Secrets, "usher rate limit")
	if err != nil {
		return nil, err
	}
	challenges := challenge.New(counters.Sub("challenge"), o.Now, o.Rand)
	digest := func(content []byte) []byte { return counters.Digest("", content) }
	return throttle.New(throttle.Options{
		Rules: o.RateLimits, Store: o.Store, Now: o.Now, Log: log, Digest: digest, Challenges: challenger{challenges}, Device: devices.Known, Meter: o.Meter,
	}), nil
}

// challenger issues challenges for package throttle.
type challenger struct{ *challenge.Challenges }

// Issue implements throttle.Challenger.
func (c challenger) Issue(field string, factor int) (*auth.Challenge, error) {
	issued, err := c.Challenges.Issue(field, factor)
	return (*auth.Challenge)(&issued), err
}
