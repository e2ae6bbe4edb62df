package provider

import (
	"context"
	"errors"
	"time"
)

// DefaultTimeout bounds what is asked of a provider for one call.
const DefaultTimeout = 10 * time.Second

// Options are what the providers have in common.
type Options struct {
	// Redirect returns the URL to which the provider with an id sends browsers back. No two have the same.
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

// New returns the providers of the settings, which Parse has read. It reads their secrets, and asks nobody.
func New(settings []Settings, o Options) (*Set, error) { return nil, errors.New("not implemented") }

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

// Provider is one party that people sign in with. It is safe for concurrent use.
type Provider struct {
	settings Settings
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
func (p *Provider) PostsForm() bool { return false }

// Issuer returns what identifies the accounts of the provider. For Entra with several tenants it is the template with
// {tenantid}.
func (p *Provider) Issuer() string { return p.settings.Issuer }

// AuthorizationURL returns where to send the browser.
func (p *Provider) AuthorizationURL(ctx context.Context, r Request) (string, error) {
	return "", ErrUnavailable
}

// Exchange returns the account that a browser's answer proves.
func (p *Provider) Exchange(ctx context.Context, r Request, answer Response) (*Identity, error) {
	return nil, ErrUnavailable
}

// VerifyIDToken returns the account that an ID token proves, which an app got from the provider.
func (p *Provider) VerifyIDToken(ctx context.Context, raw, nonce string) (*Identity, error) {
	return nil, ErrUnavailable
}

// Parse reads the JSON list of USHER_PROVIDERS.
func Parse(text []byte) ([]Settings, error) { return nil, errors.New("not implemented") }
