package app

import (
	"fmt"
	"slices"
	"strings"

	"usher/internal/callback"
	"usher/internal/provider"
)

// openProviders sets what users can sign in with, and returns where they may return. Nobody signs in to commands of the
// operator.
func (p *parts) openProviders(signIn bool) (provider.Redirects, error) {
	s := &p.settings
	if !signIn {
		return provider.Redirects{}, nil
	}
	settings, err := s.ProviderSettings()
	if err != nil {
		return provider.Redirects{}, err
	}
	issuer := strings.TrimRight(s.Issuer, "/")
	p.providers, err = provider.New(settings, provider.Options{
		Redirect: func(id string) string { return issuer + callback.Path(id) }, Now: p.overrides.Now,
	})
	if err != nil {
		return provider.Redirects{}, fmt.Errorf("--providers: %w", err)
	}
	urls := slices.Concat([]string(s.ProviderRedirects), []string{issuer + providerPage})
	return provider.Redirects{URLs: urls, Loopback: s.Dev}, nil
}
