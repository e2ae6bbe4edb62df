package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
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

// hasPassword reports whether u holds a password, or may hold one in a place that cannot be found.
func (u DatabaseURL) hasPassword() bool {
	parsed, err := url.Parse(string(u))
	if err != nil {
		return strings.Contains(string(u), "@")
	}
	_, found := parsed.User.Password()
	return found || parsed.Query().Get("password") != "" || parsed.User == nil && strings.Contains(string(u), "@")
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

// Resource is an API that access tokens may be for, as they name it in aud.
type Resource string

// maxResource is how long a resource may be, in bytes. Tokens hold it, and they are short.
const maxResource = 500

// isName recognizes audiences that are no URI. RFC 8707 §2 has URIs only, but other names worked before
// tokens could be asked for by resource, and RFC 7519 §4.1.3 allows them. Those with a colon are URIs.
var isName = regexp.MustCompile(`^[A-Za-z0-9._~/-]+$`)

// isURIText recognizes the characters of a URI (RFC 3986 §2) but "#", which begins a fragment, and ",",
// which stands between resources.
var isURIText = regexp.MustCompile(`^[A-Za-z0-9._~:/?@!$&'()*+;=%\[\]-]+$`)

// UnmarshalText reads an absolute URI without a fragment (RFC 8707 §2), or a plain name. It is kept as
// it is written: audiences are compared byte by byte.
func (r *Resource) UnmarshalText(text []byte) error {
	s := string(text)
	if len(s) > maxResource || !isName.MatchString(s) && !isResourceURI(s) {
		return fmt.Errorf("want a URI such as https://api.example.com without user and fragment, or a plain name such as my-api, not %q", s)
	}
	*r = Resource(s)
	return nil
}

func isResourceURI(s string) bool {
	u, err := url.Parse(s)
	if err != nil || !isURIText.MatchString(s) || u.Scheme == "" || u.User != nil {
		return false
	}
	if u.Scheme == "https" || u.Scheme == "http" {
		return u.Hostname() != ""
	}
	return u.Opaque+u.Host+u.Path != ""
}

// Resources are APIs that access tokens may be for.
type Resources []string

// UnmarshalText reads resources with commas between.
func (r *Resources) UnmarshalText(text []byte) error {
	*r = nil
	for element := range strings.SplitSeq(string(text), ",") {
		var resource Resource
		if err := resource.UnmarshalText([]byte(strings.TrimSpace(element))); err != nil {
			return err
		}
		*r = append(*r, string(resource))
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
