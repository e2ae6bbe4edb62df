package provider

import (
	"errors"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// Redirects are the pages and programs to which a sign-in at a provider may return.
type Redirects struct {
	// URLs have no fragment. They are compared as texts (RFC 9700 §4.1.3), with one exception for programs on the user's machine:
	// the port of a loopback address that is written without one may be any (RFC 8252 §7.3).
	URLs []string
	// Loopback allows all URLs of loopback addresses too, for development.
	Loopback bool
}

// maxRedirect is the length of the longest URL to return to, in bytes.
const maxRedirect = 2000

// CheckRedirect returns what is wrong with a URL to return to. It must have https. A loopback address, 127.0.0.1, [::1] or
// localhost, may have http.
func CheckRedirect(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("it is not a URL with a host")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return errors.New("it must begin with https://, or with http:// on a loopback address")
	case len(raw) > maxRedirect:
		return errors.New("it must have at most 2000 characters")
	case u.User != nil:
		return errors.New("it must not have a user name")
	case strings.Contains(raw, "#"):
		return errors.New("it must not have a fragment")
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }):
		return errors.New("it must be ASCII without spaces and backslashes")
	}
	return nil
}

// Allow reports whether a sign-in may return to a URL.
func (r Redirects) Allow(raw string) bool {
	if CheckRedirect(raw) != nil {
		return false
	}
	if u, err := url.Parse(raw); r.Loopback && err == nil && isLoopback(u.Hostname()) {
		return true
	}
	return slices.Contains(r.URLs, raw) || slices.Contains(r.URLs, withoutLoopbackPort(raw))
}

// withoutLoopbackPort returns a URL without its port, if it has plain http and the address of a loopback interface.
func withoutLoopbackPort(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return raw
	}
	if ip, err := netip.ParseAddr(u.Hostname()); err != nil || !ip.IsLoopback() {
		return raw
	}
	rest, ok := strings.CutPrefix(raw, "http://"+u.Host)
	if !ok {
		return raw
	}
	return "http://" + strings.TrimSuffix(u.Host, ":"+u.Port()) + rest
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
