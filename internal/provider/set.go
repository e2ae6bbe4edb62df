package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
)

// DefaultTimeout bounds what is asked of a provider for one call.
const DefaultTimeout = 10 * time.Second

// Options are what the providers have in common.
type Options struct {
	// Redirect returns the URL to which the provider with an id sends browsers back. No two have the same (RFC 9700 §4.4.2.2). It is
	// required.
	Redirect func(id string) string
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
	// Timeout bounds what one call asks of a provider, all requests together. Zero means DefaultTimeout.
	Timeout time.Duration
}

// Set is the providers of a server. A nil Set has none. It is safe for concurrent use.
type Set struct {
	all  []*Provider
	byID map[string]*Provider
}

// New returns the providers of settings. It reads their secrets, and asks nobody. The error names all problems, each with the id of
// its provider.
func New(settings []Settings, o Options) (*Set, error) {
	list, problems := complete(settings)
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Set{byID: map[string]*Provider{}}
	for i, settings := range list {
		p, err := newProvider(settings, o)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", label(settings.ID, i), err))
			continue
		}
		s.all = append(s.all, p)
		s.byID[p.ID()] = p
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return s, nil
}

// All returns the providers in the order of the settings.
func (s *Set) All() []*Provider {
	if s == nil {
		return nil
	}
	return s.all
}

// Provider returns the provider with an id.
func (s *Set) Provider(id string) (*Provider, bool) {
	if s == nil {
		return nil, false
	}
	p, ok := s.byID[id]
	return p, ok
}

// Close closes the idle connections. A nil Set can be closed.
func (s *Set) Close() {
	for _, p := range s.All() {
		p.client.CloseIdleConnections()
	}
}

// Provider is one party that people sign in with. It is safe for concurrent use.
type Provider struct {
	settings Settings
	template string // of the issuers of several tenants; empty for one issuer
	redirect string
	now      func() time.Time
	timeout  time.Duration
	client   *http.Client
	// secret returns the client secret. Nil is a public client.
	secret func() (string, error)
	// oauth is the client of a provider without ID tokens. It remembers where the provider takes the secret.
	oauth *oauth2.Config
	// metadata and keys are those of a provider with ID tokens.
	metadata *cached[*metadata]
	keys     *keySet
}

// maxSecret bounds the file of a secret in bytes.
const maxSecret = 16 << 10

func newProvider(s Settings, o Options) (*Provider, error) {
	p := &Provider{
		settings: s, redirect: o.Redirect(s.ID), now: o.Now, timeout: cmp.Or(o.Timeout, DefaultTimeout), client: newClient(s.AllowPrivateAddresses),
	}
	if tenant, template := tenantOf(s.Issuer); s.Type == TypeEntra && isSeveral(tenant) {
		p.template = template
	}
	var err error
	if p.secret, err = readSecret(s, o.Now); err != nil {
		return nil, err
	}
	if p.isOIDC() {
		p.metadata = newCached(o.Now, p.discover)
		p.keys = &keySet{now: o.Now, keys: newCached(o.Now, func(ctx context.Context) ([]key, error) {
			m, _, err := p.metadata.get(ctx)
			if err != nil {
				return nil, err
			}
			return fetchKeys(ctx, p.client, m.keys)
		})}
		return p, nil
	}
	p.oauth = &oauth2.Config{
		ClientID: s.ClientID, RedirectURL: p.redirect, Scopes: s.Scopes,
		Endpoint: oauth2.Endpoint{AuthURL: s.AuthorizationEndpoint, TokenURL: s.TokenEndpoint},
	}
	if p.secret == nil || s.Type == TypeGitHub {
		p.oauth.Endpoint.AuthStyle = oauth2.AuthStyleInParams
	}
	if p.secret != nil {
		p.oauth.ClientSecret, err = p.secret()
	}
	return p, err
}

// readSecret returns the function that returns the client secret; nil without one.
func readSecret(s Settings, now func() time.Time) (func() (string, error), error) {
	name := cmp.Or(s.ClientSecretFile, s.PrivateKeyFile)
	if name == "" {
		return nil, nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	if s.Type == TypeApple {
		return appleSecret(s, now, text)
	}
	secret := strings.TrimRight(string(text), "\r\n")
	if secret == "" || len(secret) > maxSecret || strings.ContainsAny(secret, "\r\n\x00") {
		return nil, errors.New("clientSecretFile must have one line, which is the secret")
	}
	return func() (string, error) { return secret, nil }, nil
}

// ID returns the part of the callback URL that is this provider's own.
func (p *Provider) ID() string { return p.settings.ID }

// Name returns what people see.
func (p *Provider) Name() string { return p.settings.Name }

// Settings returns a copy of the settings.
func (p *Provider) Settings() Settings { return p.settings.clone() }

// TrustsEmail reports whether an address that the provider has verified counts as verified here.
func (p *Provider) TrustsEmail() bool { return p.settings.TrustEmail }

// LinksByEmail reports whether a sign-in may be linked to the account with its address.
func (p *Provider) LinksByEmail() bool { return p.settings.LinkByEmail }

// AllowsSignup reports whether a sign-in may create an account.
func (p *Provider) AllowsSignup() bool { return p.settings.Signup == nil || *p.settings.Signup }

// PostsForm reports whether the answer arrives as a form that another site posts (OAuth 2.0 Form Post Response Mode), to which
// browsers add no cookie with SameSite=Lax.
func (p *Provider) PostsForm() bool { return p.settings.asksForm() }

// Issuer returns what identifies the accounts of the provider. For Entra with several tenants it is the template with
// {tenantid}.
func (p *Provider) Issuer() string { return cmp.Or(p.template, p.settings.Issuer) }

// HasIssuer reports whether an account of an issuer can sign in with this provider.
func (p *Provider) HasIssuer(issuer string) bool {
	return issuer == p.settings.Issuer || p.isTenantIssuer(issuer)
}
