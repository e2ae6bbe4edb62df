package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Health are the settings of the command that asks a server for its state.
type Health struct {
	Listen string `environ:"USHER_LISTEN" default:"127.0.0.1:8080" help:"Address and port of the server. An address that means all addresses is replaced by the loopback address."`
	At     string `name:"url" placeholder:"URL" help:"URL of the server, such as https://auth.example.com. The default is http://ADDRESS:PORT of --listen."`
}

// Base returns the URL of the server, without a slash at the end.
func (h *Health) Base() (string, error) {
	if h.At != "" {
		u, err := url.Parse(h.At)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" ||
			u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
			return "", errors.New("--url: must be a URL such as https://auth.example.com, without user, query or fragment")
		}
		return strings.TrimRight(h.At, "/"), nil
	}
	host, port, err := net.SplitHostPort(h.Listen)
	if err != nil {
		return "", fmt.Errorf("--listen: must be ADDRESS:PORT, such as 127.0.0.1:8080 or :8080, not %q", h.Listen)
	}
	// No name is looked up for a server on this machine, because a container may have no /etc/hosts.
	switch addr, _ := netip.ParseAddr(host); {
	case host == "" || addr == netip.IPv4Unspecified():
		host = "127.0.0.1"
	case addr == netip.IPv6Unspecified():
		host = "::1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}
