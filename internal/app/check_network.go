package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"usher/internal/check"
	"usher/internal/mail"
)

// maxMetadata is more than the metadata of an issuer has, in bytes.
const maxMetadata = 64 << 10

// metadataURL returns the URL of an issuer's metadata (RFC 8414 §3.1).
func metadataURL(issuer string) string {
	u, err := url.Parse(issuer)
	if err != nil {
		return issuer
	}
	u.Path = "/.well-known/oauth-authorization-server" + issuerPath(issuer)
	return u.String()
}

// issuer asks the issuer for its metadata, as clients do.
func (i *inspector) issuer(ctx context.Context) []check.Result {
	issuer := i.settings.Issuer
	const down = "If the server does not run yet, check again when it does. Otherwise look at DNS and the reverse proxy."
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: i.options.Roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, metadataURL(issuer), nil)
	if err != nil {
		return check.Fail("Correct --issuer.", "%s is no URL", issuer)
	}
	response, err := client.Do(r)
	if failed, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return check.Fail("Renew or replace the certificate of the reverse proxy.", "%s: %v", issuer, failed.Err)
	}
	if err != nil {
		if failed, ok := errors.AsType[*url.Error](err); ok {
			err = failed.Err
		}
		return check.Warn(down, "%s does not answer: %v", issuer, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxMetadata))
	if err != nil {
		return check.Warn(down, "%s does not answer completely", issuer)
	}
	var metadata struct{ Issuer string }
	if response.StatusCode != http.StatusOK {
		return check.Warn(down, "%s answers with status %d", metadataURL(issuer), response.StatusCode)
	}
	if err := json.Unmarshal(body, &metadata); err != nil || metadata.Issuer != issuer {
		return check.Fail("Correct --issuer, or where the reverse proxy sends its requests.", "%s answers as another server", metadataURL(issuer))
	}
	if response.TLS == nil || len(response.TLS.PeerCertificates) == 0 {
		return check.Good("%s answers, without https", issuer)
	}
	return i.certificate(issuer, response.TLS.PeerCertificates[0].NotAfter)
}

// certificateWarning is less than the 30 days before the end at which ACME clients usually renew.
const certificateWarning = 14 * 24 * time.Hour

func (i *inspector) certificate(issuer string, end time.Time) []check.Result {
	left := end.Sub(i.options.Now())
	days := int(left / (24 * time.Hour))
	if left < certificateWarning {
		return check.Warn("Renew it, and look why it was not renewed.", "%s answers; its certificate ends in %d days", issuer, days)
	}
	return check.Good("%s answers; its certificate is valid for %d days", issuer, days)
}

func (i *inspector) mailer() (*mail.Mailer, []check.Result) {
	m, err := Mailer(&i.settings.Mail)
	if err != nil {
		return nil, check.Fail("", "%v", err)
	}
	return m, nil
}

// mail signs in to the SMTP server and sends nothing.
func (i *inspector) mail(ctx context.Context) []check.Result {
	s := i.settings.Server
	switch sends(Settings{Server: s}) {
	case noMail:
		return check.Good("not set up; the server sends no mail")
	case byMailbox:
		return check.Good("kept in the mailbox of the console")
	case bySMTP:
	}
	m, failed := i.mailer()
	if failed != nil {
		return failed
	}
	if err := m.Probe(ctx); err != nil {
		return check.Fail("Correct $USHER_SMTP_URL or its file, and look at the SMTP server.", "%s: %v", m.Server(), err)
	}
	return check.Good("%s accepts the connection and the credentials", m.Server())
}

// reserved are the domains that belong to nobody (RFC 2606, RFC 6761).
var reserved = []string{"example", "example.com", "example.net", "example.org", "invalid", "localhost", "test"}

func (i *inspector) sender(context.Context) []check.Result {
	if !i.settings.Sends() {
		return check.Good("not needed without mail")
	}
	domain := strings.ToLower(i.settings.MailFrom.Domain())
	for _, r := range reserved {
		if domain == r || strings.HasSuffix(domain, "."+r) {
			return check.Warn("Set --mail-from to an address of your own domain.", "%s belongs to nobody, so mail from it is rejected", domain)
		}
	}
	// DMARC compares the domains of the sender and of the signature (RFC 7489 §3.1.1).
	signer := strings.ToLower(i.settings.DKIMDomain)
	if signer != "" && signer != domain && !strings.HasSuffix(domain, "."+signer) && !strings.HasSuffix(signer, "."+domain) {
		return check.Warn("Sign with a key of the sender's domain. Otherwise DMARC does not count the signature.", "mail from %s is signed by %s", domain, signer)
	}
	return check.Good("%s", domain)
}

func (i *inspector) dkim(ctx context.Context) []check.Result {
	if i.settings.DKIMKeyFile == "" {
		return check.Good("Usher does not sign mail")
	}
	m, failed := i.mailer()
	if failed != nil {
		return failed
	}
	switch name, err := m.CheckDKIM(ctx, i.options.LookupTXT); {
	case errors.Is(err, mail.ErrDKIMUnknown):
		return check.Warn("Check again where DNS is reachable.", "%s: %v", name, err)
	case err != nil:
		return check.Warn("Publish this TXT record: "+m.DKIMRecord(), "%s: %v", name, err)
	default:
		return check.Good("%s has the key", name)
	}
}

func (i *inspector) origins(context.Context) []check.Result {
	var results []check.Result
	for _, origin := range i.settings.AllowedOrigins {
		u, err := url.Parse(origin)
		if err == nil && u.Scheme != "https" && !loopback(u.Hostname()) {
			results = append(results, check.Warn("Serve the pages with https. Otherwise everybody on their network can change them.", "%s is not https", origin)...)
		}
	}
	if results == nil {
		return check.Good("%d, and none without https", len(i.settings.AllowedOrigins))
	}
	return results
}

// proxies checks that a server behind a reverse proxy knows it. Usher itself serves no TLS.
func (i *inspector) proxies(context.Context) []check.Result {
	s := &i.settings
	if len(s.TrustedProxies) == 0 && strings.HasPrefix(s.Issuer, "https:") {
		return check.Warn("Set --trusted-proxies to the addresses of your reverse proxy.",
			"the issuer has https, so a reverse proxy is in front, but none is trusted: all clients count as one")
	}
	return check.Good("%d trusted networks", len(s.TrustedProxies))
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return host == "localhost" || err == nil && addr.IsLoopback()
}
