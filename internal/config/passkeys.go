package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"usher/internal/passkey"
)

// Passkeys are the settings of passkeys. They are part of Server.
type Passkeys struct {
	PasskeyRPID    string  `name:"passkey-rp-id" environ:"USHER_PASSKEY_RP_ID" placeholder:"DOMAIN" example:"example.com" help:"Domain that passkeys belong to: that of the pages where users sign in, or one above it. The default is the host of the issuer. Without a domain, there are no passkeys. After a change, all passkeys are lost."`
	PasskeyOrigins Origins `name:"passkey-origins" environ:"USHER_PASSKEY_ORIGINS" placeholder:"ORIGIN,..." example:"https://app.example.com,https://example.org" help:"Origins of the pages that may use passkeys, at most five domains. Browsers learn those outside of the domain at /.well-known/webauthn. The default is the origin of the issuer and, as far as browsers allow passkeys there, --allowed-origins."`
}

// PasskeyParty returns what passkeys belong to. It is nil if neither setting is set, and browsers allow no passkeys at the
// issuer: at an IP address, or without https.
func (s *Server) PasskeyParty() (*passkey.Party, error) {
	u, err := url.Parse(s.Issuer)
	if err != nil {
		return nil, fmt.Errorf("--issuer: %w", err)
	}
	o := passkey.Options{ID: s.PasskeyRPID, Name: s.AppName, Origins: s.PasskeyOrigins}
	if o.Name == "" {
		o.Name = "Usher"
	}
	if o.ID == "" {
		o.ID = strings.ToLower(u.Hostname())
	}
	chosen := s.PasskeyRPID != "" || len(o.Origins) > 0
	if !chosen && net.ParseIP(o.ID) != nil {
		return nil, nil
	}
	if len(o.Origins) > 0 {
		return party(o)
	}
	o.Origins = []string{origin(u)}
	found, err := party(o)
	if err != nil && !chosen {
		return nil, nil
	}
	for _, allowed := range s.AllowedOrigins {
		if slices.Contains(o.Origins, allowed) {
			continue
		}
		more := o
		more.Origins = append(slices.Clone(o.Origins), allowed)
		if with, err := party(more); err == nil { // others call the API, but cannot use passkeys
			found, o = with, more
		}
	}
	return found, err
}

func party(o passkey.Options) (*passkey.Party, error) {
	p, err := passkey.New(o)
	if err != nil {
		return nil, fmt.Errorf("--passkey-rp-id and --passkey-origins: %w", err)
	}
	return p, nil
}

// IssuerOrigin returns the origin of the issuer as browsers write it: that of the console.
func (s *Server) IssuerOrigin() string {
	u, err := url.Parse(s.Issuer)
	if err != nil { // which Validate refuses
		return ""
	}
	return origin(u)
}

// origin is the origin of a URL as browsers write it (RFC 6454 §6.2).
func origin(u *url.URL) string {
	host, port := strings.ToLower(u.Host), u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		host = strings.TrimSuffix(host, ":"+port)
	}
	return u.Scheme + "://" + host
}

func (s *Server) validatePasskeys() error {
	if !isIssuer(s.Issuer) { // which is reported already
		return nil
	}
	_, err := s.PasskeyParty()
	return err
}
