package provider

import (
	"context"
	"net/netip"
	"syscall"
)

// addressError says that an address may not be dialled.
type addressError struct {
	address netip.Addr
	scheme  string
}

func (e *addressError) Error() string {
	return "the address " + e.address.String() + " may not be asked by " + e.scheme +
		"; for a provider in a private network, set allowPrivateAddresses; others need https"
}

// schemeKey is the key of a context whose value is the scheme of the request that needs a connection.
type schemeKey struct{}

func withScheme(ctx context.Context, scheme string) context.Context {
	return context.WithValue(ctx, schemeKey{}, scheme)
}

// The prefixes that are not public (IANA's registries of special-purpose addresses, RFC 6890). Those of local have hosts that
// allowPrivateAddresses may mean. Nobody runs a provider at the others: link-local ones have the metadata services of clouds.
var (
	local = prefixes(
		"10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", // RFC 1918, RFC 6598, loopback
		"::1/128", "fc00::/7",
	)
	special = prefixes(
		"0.0.0.0/8", "169.254.0.0/16", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
		"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
		// Of IPv6, only 2000::/3 and NAT64 are public. Teredo and 6to4 contain IPv4 addresses, and are out of use.
		"::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20",
	)
	nat64 = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052 §2.1
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

func within(address netip.Addr, list []netip.Prefix) bool {
	for _, prefix := range list {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// plain returns the address that an address stands for: forms of IPv6 contain one of IPv4.
func plain(address netip.Addr) netip.Addr {
	address = address.WithZone("").Unmap() // ::ffff:0:0/96
	if nat64.Contains(address) {
		bytes := address.As16()
		address = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	return address
}

func isLocal(address netip.Addr) bool { return within(plain(address), local) }

// mayDial reports whether an address may be dialled.
func mayDial(address netip.Addr, private bool) bool {
	address = plain(address)
	if within(address, local) {
		return private
	}
	return address.IsValid() && !within(address, special)
}

// control returns the function that a dialer asks before each connection. It sees the address that DNS has returned, so a name
// cannot hide one. With plain http, only local addresses may be dialled: a public network could read the secrets.
func control(private bool) func(context.Context, string, string, syscall.RawConn) error {
	return func(ctx context.Context, _, address string, _ syscall.RawConn) error {
		to, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		scheme, _ := ctx.Value(schemeKey{}).(string)
		if !mayDial(to.Addr(), private) || scheme != "https" && !isLocal(to.Addr()) {
			return &addressError{to.Addr(), scheme}
		}
		return nil
	}
}
