package config

import (
	"fmt"
	"os"
	"strings"

	"usher/internal/provider"
)

// Providers are the settings of sign-ins at providers. They are part of Server.
type Providers struct {
	Providers         string    `environ:"USHER_PROVIDERS" placeholder:"FILE" example:"/etc/usher/providers.json" help:"Parties with whose accounts people can sign in, such as Google, GitHub or a company's own OpenID Connect server: a file with a JSON list, or the list itself. docs/providers.md describes it."`
	ProviderRedirects Redirects `environ:"USHER_PROVIDER_REDIRECTS" placeholder:"URL,..." example:"https://app.example.com/signed-in,http://127.0.0.1/done" help:"URLs of pages and apps to which a sign-in at a provider may return, compared exactly. One of a loopback address without a port, such as http://127.0.0.1/done, allows every port. The page of the console always may. With --dev, pages at http://localhost, http://127.0.0.1 and http://[::1] may too."`
}

// Redirects is a list of URLs to return to.
type Redirects []string

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Redirects) UnmarshalText(text []byte) error {
	*r = nil
	for _, raw := range strings.FieldsFunc(string(text), func(c rune) bool { return c == ',' }) {
		raw = strings.TrimSpace(raw)
		if err := provider.CheckRedirect(raw); err != nil {
			return fmt.Errorf("%q cannot be returned to: %w", raw, err)
		}
		*r = append(*r, raw)
	}
	return nil
}

// ProviderSettings reads the providers.
func (p *Providers) ProviderSettings() ([]provider.Settings, error) {
	if p.Providers == "" {
		return nil, nil
	}
	text := []byte(p.Providers)
	if !p.isList() {
		var err error
		if text, err = os.ReadFile(p.Providers); err != nil {
			return nil, fmt.Errorf("--providers: %w", err)
		}
	}
	settings, err := provider.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("--providers: %w", err)
	}
	return settings, nil
}

// validateProviders checks a list. A file is read when the server starts.
func (p *Providers) validateProviders() error {
	if !p.isList() {
		return nil
	}
	_, err := p.ProviderSettings()
	return err
}

func (p *Providers) isList() bool { return strings.HasPrefix(strings.TrimSpace(p.Providers), "[") }
