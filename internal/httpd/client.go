package httpd

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxUserAgent = 256 // bytes
	maxRequestID = 64  // bytes
	// maxAddr is more bytes than an address with zone and port needs.
	maxAddr = 100
)

// proxies are the peers that are believed when they say for whom they send a request.
type proxies []netip.Prefix

func (p proxies) contain(a netip.Addr) bool {
	for _, prefix := range p {
		if prefix.Contains(a) {
			return true
		}
	}
	return false
}

// client returns the address a request came from: the peer, or when that is a trusted proxy, what
// the chain of trusted proxies says. Each proxy appends the address it was called from to
// X-Forwarded-For, so the header is true from the right up to the first address that is not a
// trusted proxy's; what is left of that the client may have made up. Where the header stops making
// sense, the last proxy before is the best that is known.
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

// parseAddr reads an address that may have a port. It returns the zero Addr for anything else.
// The zone of a link-local address is dropped, for it is a name on some machine that no prefix
// contains, and IPv4 in IPv6 becomes IPv4, so that an address has one form only.
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

// isRequestID reports whether an id from elsewhere is harmless in a log and in JSON.
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

// printable returns the start of outside text, at most limit bytes of it, without what does not
// show: control characters, invisible ones, and bytes that are not UTF-8.
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
