package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"time"

	"usher/internal/check"
	"usher/internal/config"
	"usher/internal/mail"
)

// CheckOptions replace what the checks depend on in tests. The zero value is for real ones.
type CheckOptions struct {
	// Roots are the certificates that TLS to the issuer trusts; nil for those of the system.
	Roots *x509.CertPool
	// LookupTXT asks DNS.
	LookupTXT mail.LookupTXT
	// Now is the clock for ages and expiry.
	Now func() time.Time
	// Host is what is read from this machine.
	Host *Host
}

// inspector runs the checks of an installation.
type inspector struct {
	settings config.Settings
	options  CheckOptions
	database *inspected
}

// Checks returns the checks of an installation with these settings, which are valid. The warnings are those of its
// environment. They change nothing. The caller calls closes after they have run.
func Checks(s config.Settings, warnings []string, o CheckOptions) (checks []check.Check, closes func()) {
	if o.LookupTXT == nil {
		o.LookupTXT = net.DefaultResolver.LookupTXT
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Host == nil {
		o.Host = thisHost()
	}
	i := &inspector{settings: s, options: o, database: &inspected{settings: s.Database, done: make(chan struct{})}}
	return []check.Check{
		{Name: "settings", Run: func(context.Context) []check.Result { return i.warnings(warnings) }},
		{Name: "secret", Run: i.secret},
		{Name: "database", Run: i.reach},
		{Name: "rights", Run: i.rights},
		{Name: "clock", Run: i.clock},
		{Name: "migrations", Run: i.migrations},
		{Name: "signing keys", Run: i.keys},
		{Name: "roles", Run: i.roles},
		{Name: "issuer", Run: i.issuer},
		{Name: "mail", Run: i.mail},
		{Name: "mail sender", Run: i.sender},
		{Name: "DKIM", Run: i.dkim},
		{Name: "origins", Run: i.origins},
		{Name: "proxies", Run: i.proxies},
		{Name: "documents", Run: i.documents},
		{Name: "breaches", Run: i.breaches},
		{Name: "file modes", Run: i.modes},
		{Name: "disk space", Run: i.disk},
		{Name: "open files", Run: i.openFiles},
		{Name: "processors", Run: i.processors},
	}, i.database.close
}

// warnings reports the settings that are valid but unsafe.
func (i *inspector) warnings(more []string) []check.Result {
	var results []check.Result
	for _, w := range append(i.settings.Warnings(), more...) {
		results = append(results, check.Warn("", "%s", w)...)
	}
	if results == nil {
		return check.Good("valid, and none is unsafe")
	}
	return results
}

// secret checks the strength of the secrets. With --dev the server creates a strong one, so none is needed yet.
func (i *inspector) secret(context.Context) []check.Result {
	given, found, err := i.given()
	if err == nil && !found {
		return check.Good("the server creates one at its first start")
	}
	if err == nil {
		_, err = Secrets(given, nil)
	}
	if err != nil {
		return check.Fail("", "%v", err)
	}
	return check.Good("%d bytes, not a known one, no words and no pattern", len(given.current.Reveal()))
}

// given are secrets that were read from the settings.
type given struct{ current, previous config.Secret }

// Secret returns the current one.
func (g given) Secret() (config.Secret, error) { return g.current, nil }

// Previous returns the previous one, or an empty one.
func (g given) Previous() (config.Secret, error) { return g.previous, nil }

// given reads the secrets. With --dev there may be none yet. The server would create one; this does not.
func (i *inspector) given() (g given, found bool, err error) {
	s := &i.settings.Server
	if g.previous, err = s.Previous(); err != nil {
		return g, false, fmt.Errorf("previous secret: %w", err)
	}
	if s.Dev && s.SecretKey.IsZero() && s.SecretKeyFile == "" {
		g.current, found, err = s.DevSecret()
		return g, found, err
	}
	g.current, err = s.Keys.Secret()
	return g, true, err
}

// quiet discards what parts log while they are opened. The report has it already.
var quiet = slog.New(slog.DiscardHandler)
