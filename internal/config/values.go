package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// DatabaseURL names a database, and may hold a password. It prints without; string(u) is all of it.
type DatabaseURL string

// String returns the part of u that is no secret.
func (u DatabaseURL) String() string {
	const hidden = "[redacted]"
	if path, ok := strings.CutPrefix(string(u), "sqlite:"); ok {
		return "sqlite:" + path
	}
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" {
		return hidden
	}
	// A password with a "/", "?" or "#" cuts the URL in the wrong place, and leaves an "@" behind.
	if at := strings.Count(string(u), "@"); at > 1 || at == 1 && parsed.User == nil {
		return hidden
	}
	return parsed.Scheme + "://" + parsed.Host + parsed.Path
}

// GoString is String.
func (u DatabaseURL) GoString() string { return u.String() }

// MarshalText is String.
func (u DatabaseURL) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// Origins are origins of pages (RFC 6454), such as https://app.example.com:8443.
type Origins []string

// UnmarshalText reads origins with commas between.
func (o *Origins) UnmarshalText(text []byte) error {
	*o = nil
	for element := range strings.SplitSeq(string(text), ",") {
		origin := strings.TrimSpace(element)
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" ||
			strings.ContainsAny(u.Host, "*") || origin != u.Scheme+"://"+u.Host || origin != strings.ToLower(origin) {
			return fmt.Errorf("want origins such as https://app.example.com, in lower case and without a path, not %q", origin)
		}
		*o = append(*o, origin)
	}
	return nil
}

// Prefixes are networks of IP addresses.
type Prefixes []netip.Prefix

// UnmarshalText reads networks in CIDR notation, and single addresses, with commas between.
func (p *Prefixes) UnmarshalText(text []byte) error {
	*p = nil
	for element := range strings.SplitSeq(string(text), ",") {
		prefix, err := parsePrefix(strings.TrimSpace(element))
		if err != nil {
			return err
		}
		*p = append(*p, prefix)
	}
	return nil
}

// parsePrefix writes a network in the one form that addresses without a zone, and IPv4 addresses
// not within IPv6, are compared with.
func parsePrefix(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	if addr, notAddr := netip.ParseAddr(s); notAddr == nil && addr.Zone() == "" {
		prefix, err = addr.Prefix(addr.BitLen())
	}
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("want addresses or networks such as 10.0.0.0/8, not %q", s)
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}
