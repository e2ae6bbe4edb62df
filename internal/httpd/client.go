package httpd

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxUserAgent      = 256 // bytes
	maxAcceptLanguage = 256 // bytes
	maxRequestID      = 64  // bytes
	// maxAddr is longer than any address with zone and port, in bytes.
	maxAddr = 100
)

// proxies are the networks of trusted proxies.
type proxies []netip.Prefix

func (p proxies) contain(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// client returns the address of the client that sent a request. That is the peer, or if the peer is a trusted
// proxy, the last address in X-Forwarded-For that is not a trusted proxy. Each proxy appends the address of its
// peer to the header, so addresses further left may be forged by the client. If an address in the header is
// invalid, client returns the proxy that appended it.
func (p proxies) client(peer netip.Addr, forwarded []string) netip.Addr {
	rest := strings.Join(forwarded, ",")
	for rest != "" && p.contain(peer) {
		comma := strings.LastIndexByte(rest, ',')
		next := parseAddr(rest[comma+1:])
		if !next.IsValid() {
			break
		}
		peer, rest = next, rest[:max(comma, 0)]
	}
	return peer
}

// parseAddr parses an address with or without a port. It returns the zero Addr if s is invalid. To give each
// address one form, it removes the zone of a link-local address, which no prefix contains, and converts IPv4 in
// IPv6 to IPv4.
func parseAddr(s string) netip.Addr {
	s = strings.Trim(s, " \t")
	if len(s) > maxAddr {
		return netip.Addr{}
	}
	var addr netip.Addr
	if withPort, err := netip.ParseAddrPort(s); err == nil {
		addr = withPort.Addr()
	} else {
		if strings.HasPrefix(s, "[") && strings.HasSuffix(s, "]") {
			s = s[1 : len(s)-1]
		}
		if addr, err = netip.ParseAddr(s); err != nil {
			return netip.Addr{}
		}
	}
	return addr.WithZone("").Unmap()
}

// isRequestID reports whether an id from a proxy is safe in a log and in JSON.
func isRequestID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !isAlphanumeric(c) && c != '.' && c != '_' && c != '-' {
			return false
		}
	}
	return 0 < len(s) && len(s) <= maxRequestID
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z'
}

// printable returns the start of s, at most limit bytes, without control characters, invisible characters and
// bytes that are not UTF-8.
func printable(s string, limit int) string {
	if len(s) <= limit && isPrintableASCII(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		if r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD") || !unicode.IsPrint(r) {
			continue
		}
		if b.Len()+utf8.RuneLen(r) > limit {
			break
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isPrintableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
