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
	address       netip.Addr
	user, session string
}

// clientOf returns the sender of the request of ctx, by its address and its access token. Whether the session is still
// valid does not matter for a limit.
func clientOf(ctx context.Context) *client {
	c := &client{address: request.From(ctx).Client.Unmap().WithZone("")}
	state, unlock := caller.Lock(ctx)
	defer unlock()
	if state.Claims != nil {
		c.user, c.session = state.Claims.Subject, state.Claims.SessionID
	}
	return c
}

// A household has an IPv4 address or the first 64 bits of an IPv6 address. One who rents servers easily gets many of them
// in one network.
func (c *client) household() netip.Prefix { return c.prefix(32, 64) }
func (c *client) wider() netip.Prefix     { return c.prefix(24, 48) }

func (c *client) prefix(v4, v6 int) netip.Prefix {
	if c.address.Is4() {
		return netip.PrefixFrom(c.address, v4).Masked()
	}
	return netip.PrefixFrom(c.address, v6).Masked()
}

// network returns the network of the client for the log; empty outside of HTTP.
func (c *client) network() string {
	if !c.address.IsValid() {
		return ""
	}
	return c.wider().String()
}

// names are the canonical names in the arguments of a use.
type names struct{ account, recipient string }

func namesOf(u *Use) names { return names{canonical(u.Account), canonical(u.Recipient)} }

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

// counters returns the counters of a limit; none if the use has no value for one of its keys.
func (c *client) counters(l *Limit, n names) []key {
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
			value = n.account
		case KeyRecipient:
			value = n.recipient
		case KeyGlobal:
			continue
		case KeyClient:
			if !c.address.IsValid() {
				return nil
			}
			byAddress = true
			all, allWider = part(all, by, prefixBytes(c.household())), part(allWider, by, prefixBytes(c.wider()))
			continue
		}
		if value == "" {
			return nil
		}
		all, allWider = part(all, by, value), part(allWider, by, value)
	}
	if byAddress {
		return []key{{digest(all), 1}, {digest(allWider), widerTimes}}
	}
	return []key{{digest(all), 1}}
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

func prefixBytes(p netip.Prefix) string {
	b, _ := p.MarshalBinary() // never fails
	return string(b)
}

func digest(text []byte) ratelimit.Key {
	sum := sha256.Sum256(text)
	return ratelimit.Key(sum[:])
}
