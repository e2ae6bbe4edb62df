package app

import (
	"fmt"
	"slices"
	"strings"

	"usher/internal/callback"
	"usher/internal/provider"
)

// providers returns what users can sign in with, and where they may return. Nobody signs in to commands of the operator.
func (p *parts) providers(signIn bool) (*provider.Set, provider.Redirects, error) {
	s := &p.settings
	if !signIn {
		return nil, provider.Redirects{}, nil
	}
	settings, err := s.ProviderSettings()
	if err != nil {
		return nil, provider.Redirects{}, err
	}
	issuer := strings.TrimRight(s.Issuer, "/")
	set, err := provider.New(settings, provider.Options{
		Redirect: func(id string) string { return issuer + callback.Path(id) }, Now: p.overrides.Now,
	})
	if err != nil {
		return nil, provider.Redirects{}, fmt.Errorf("--providers: %w", err)
	}
	redirects := provider.Redirects{URLs: slices.Clone([]string(s.ProviderRedirects)), Loopback: s.Dev}
	redirects.URLs = append(redirects.URLs, issuer+providerPage)
	return set, redirects, nil
}
