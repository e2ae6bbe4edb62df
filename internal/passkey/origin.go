package passkey

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// checkOrigin checks that a text is an origin which browsers let use passkeys, in their own spelling (RFC 6454 §6.2).
// Origins are compared as texts, so another spelling would never match. It reports whether the origin is in the domain
// of the RP ID.
func (p *Party) checkOrigin(origin string) (inside bool, err error) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return false, errors.New("must start with https:// and a host")
	}
	host := strings.ToLower(u.Hostname())
	if net.ParseIP(host) != nil {
		return false, errors.New("must have a domain instead of an IP address, because browsers refuse passkeys on addresses. For development use http://localhost")
	}
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		port = ""
	}
	canonical := u.Scheme + "://" + host
	if port != "" {
		canonical += ":" + port
	}
	if origin != canonical {
		return false, fmt.Errorf("must be written as browsers write it: %s", canonical)
	}
	inside = host == p.id || strings.HasSuffix(host, "."+p.id)
	if u.Scheme == "http" {
		// Passkeys of a real domain must not be available to whatever listens on a user's own machine.
		if host != "localhost" && !strings.HasSuffix(host, ".localhost") {
			return false, errors.New("must use https. Browsers allow http only on localhost")
		}
		if !inside {
			return false, errors.New("needs localhost as the RP ID, because it uses http")
		}
	}
	return inside, nil
}
