package throttle

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"

	"usher/internal/auth/internal/caller"
	"usher/internal/identity"
	"usher/internal/ratelimit"
	"usher/internal/request"
)

// client is the sender of a request. A value that is not known is zero.
type client struct {
	address netip.Addr
	// own and wider are the networks of the address that have counters: own is an IPv4 address or the first 64 bits of an
	// IPv6 address. A rented server often has many addresses in one wider network.
	own, wider    netip.Prefix
	user, session string
}

// clientOf returns the sender of the request of ctx, by its address and its access token. Whether the session is still
// valid does not matter for a limit.
func clientOf(ctx context.Context) *client {
	c := &client{address: request.From(ctx).Client.Unmap().WithZone("")}
	c.own, c.wider = networks(c.address)
	state, unlock := caller.Lock(ctx)
	defer unlock()
	if state.Claims != nil {
		c.user, c.session = state.Claims.Subject, state.Claims.SessionID
	}
	return c
}

// networks returns the networks of an address that have counters; zero outside of HTTP.
func networks(a netip.Addr) (own, wider netip.Prefix) {
	v4, v6 := [2]int{32, 24}, [2]int{64, 48}
	bits := v6
	if a.Is4() {
		bits = v4
	}
	return netip.PrefixFrom(a, bits[0]).Masked(), netip.PrefixFrom(a, bits[1]).Masked()
}

// network returns the network of the client for the log; empty outside of HTTP.
func (c *client) network() string {
	if !c.address.IsValid() {
		return ""
	}
	return c.wider.String()
}

// maxName limits names that nobody can have, in bytes. Longer ones share a counter.
const maxName = 300

// canonical returns the key of a name, or a name that nobody can have as it is.
func canonical(raw string) string {
	if raw == "" {
		return ""
	}
	if name, _, ok := identity.ParseIdentifier(raw); ok {
		return name.Key
	}
	return raw[:min(len(raw), maxName)]
}

// key is a counter of a limit, for times as many uses as the limit allows.
type key struct {
	key   ratelimit.Key
	times int64
}

// widerTimes is how many times the limit of one address the counter of its wider network allows.
const widerTimes = 4

// counters appends the counters of a limit; none if the use has no value for one of its keys.
func (c *client) counters(to []key, l *Limit, u *use) []key {
	var text, wider [512]byte
	all, allWider, byAddress := head(text[:0], l), head(wider[:0], l), false
	for _, by := range l.By {
		var value string
		switch by {
		case KeyUser:
			value = c.user
		case KeySession:
			value = c.session
		case KeyAccount:
			value = u.accountName()
		case KeyRecipient:
			value = canonical(u.Recipient)
		case KeyGlobal:
			continue
		case KeyClient:
			if !c.address.IsValid() {
				return to
			}
			byAddress = true
			all, allWider = network(all, c.own), network(allWider, c.wider)
			continue
		}
		if value == "" {
			return to
		}
		all = part(all, by, value)
		allWider = part(allWider, by, value)
	}
	if to = append(to, key{digest(all), 1}); byAddress {
		to = append(to, key{digest(allWider), widerTimes})
	}
	return to
}

// head begins the text of a counter with what is the same for all counters of the limit. A limit whose period is changed
// has new counters.
func head(b []byte, l *Limit) []byte {
	return binary.BigEndian.AppendUint64(part(b, "", l.Name), uint64(l.Per)) //nolint:gosec // Any number will do.
}

// part appends a value with its length, so that no two lists of values have the same text.
func part(b []byte, by Key, value string) []byte {
	b = append(append(b, by...), 0)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(value))), value...) //nolint:gosec // Values are short.
}

func network(b []byte, p netip.Prefix) []byte {
	b = append(b, KeyClient...)
	address := p.Addr().As16()
	return append(append(b, 0, byte(p.Bits())), address[:]...) //nolint:gosec // At most 64.
}

func digest(text []byte) ratelimit.Key {
	sum := sha256.Sum256(text)
	return ratelimit.Key(sum[:])
}
