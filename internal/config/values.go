package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// DatabaseURL is the URL of a database and may contain a password. It prints without the password;
// string(u) is the whole URL.
type DatabaseURL string

// IsSQLite reports whether the database is SQLite.
func (u DatabaseURL) IsSQLite() bool {
	_, ok := u.File()
	return ok
}

// File returns the path of the database file; false for PostgreSQL.
func (u DatabaseURL) File() (path string, ok bool) { return strings.CutPrefix(string(u), "sqlite:") }

// String returns the part of u that is not secret.
func (u DatabaseURL) String() string {
	const hidden = "[redacted]"
	if path, ok := u.File(); ok {
		return "sqlite:" + path
	}
	parsed, err := url.Parse(string(u))
	if err != nil || parsed.Scheme != "postgres" && parsed.Scheme != "postgresql" {
		return hidden
	}
	// A "/", "?" or "#" in a password makes url.Parse split the URL in the wrong place. An "@" remains then.
	if at := strings.Count(string(u), "@"); at > 1 || at == 1 && parsed.User == nil {
		return hidden
	}
	return parsed.Scheme + "://" + parsed.Host + parsed.Path
}

// hasPassword reports whether u contains a password, or might contain one that url.Parse does not find.
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

// Origins are web origins (RFC 6454), such as https://app.example.com:8443.
type Origins []string

// UnmarshalText parses a comma-separated list of origins.
func (o *Origins) UnmarshalText(text []byte) error {
	*o = nil
	for element := range strings.SplitSeq(string(text), ",") {
		origin := strings.TrimSpace(element)
		u, err := url.Parse(origin)
		if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" ||
			strings.ContainsAny(u.Host, "*") || origin != u.Scheme+"://"+u.Host || origin != strings.ToLower(origin) {
			return fmt.Errorf("must be origins such as https://app.example.com, in lower case and without a path, not %q", origin)
		}
		*o = append(*o, origin)
	}
	return nil
}

// HeaderNames are names of HTTP header fields.
type HeaderNames []string

// UnmarshalText parses a comma-separated list of names. A wildcard would not work: with credentials, browsers
// take it for a name (Fetch Standard, "CORS protocol and credentials").
func (h *HeaderNames) UnmarshalText(text []byte) error {
	*h = nil
	for element := range strings.SplitSeq(string(text), ",") {
		name := strings.TrimSpace(element)
		if strings.Contains(name, "*") {
			return fmt.Errorf("must name each header, not %q: browsers accept no wildcard in requests with cookies", name)
		}
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("must be names of headers such as x-tenant, not %q", name)
		}
		*h = append(*h, name)
	}
	return nil
}

// Resource is the audience (aud) of access tokens for an API.
type Resource string

// maxResource is the maximum length of a resource in bytes. Access tokens contain it and have to stay
// short.
const maxResource = 500

// isName matches audiences that are plain names. RFC 8707 §2 allows only URIs as resources. Plain names were
// valid audiences before clients could request a resource, and RFC 7519 §4.1.3 allows them. A name with a
// colon is a URI.
var isName = regexp.MustCompile(`^[A-Za-z0-9._~/-]+$`)

// isURIText matches the characters of a URI (RFC 3986 §2) except "#", which begins a fragment, and ",",
// which separates resources.
var isURIText = regexp.MustCompile(`^[A-Za-z0-9._~:/?@!$&'()*+;=%\[\]-]+$`)

// UnmarshalText parses an absolute URI without a fragment (RFC 8707 §2), or a plain name. It does not
// normalize the text, because audiences are compared byte by byte.
func (r *Resource) UnmarshalText(text []byte) error {
	s := string(text)
	if len(s) > maxResource || !isName.MatchString(s) && !isResourceURI(s) {
		return fmt.Errorf("must be a URI such as https://api.example.com without user or fragment, or a plain name such as my-api, not %q", s)
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

// Resources are the resources that clients may request.
type Resources []string

// UnmarshalText parses a comma-separated list of resources.
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

// UnmarshalText parses a comma-separated list of networks in CIDR notation and single addresses.
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

// parsePrefix parses a network or an address. It converts IPv4 networks written as IPv6 to IPv4, because
// client addresses are compared in that form. An address must not have a zone.
func parsePrefix(s string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(s)
	if addr, notAddr := netip.ParseAddr(s); notAddr == nil && addr.Zone() == "" {
		prefix, err = addr.Prefix(addr.BitLen())
	}
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("must be addresses or networks such as 10.0.0.0/8, not %q", s)
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), nil
}
