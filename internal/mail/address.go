package mail

import (
	"errors"
	netmail "net/mail"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
)

// Address is an e-mail address with an optional name. The domain of Addr is in ASCII (RFC 5891 §4), as SMTP
// requires of servers without SMTPUTF8.
type Address struct{ Name, Addr string }

// maxAddress is the maximum length of an address in octets (RFC 5321 §4.5.3.1.3).
const maxAddress = 254

var errAddress = errors.New("must be an address such as no-reply@example.com or Example <no-reply@example.com>")

// ParseAddress parses an address such as "no-reply@example.com" or "Example <no-reply@example.com>". The local
// part must be a dot-atom (RFC 5322 §3.2.3), with letters of any language (RFC 6531 §3.3). Quoted local parts are
// rejected, because mail software disagrees about their escapes.
func ParseAddress(text string) (Address, error) {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.C, r) || r == unicode.ReplacementChar }) {
		return Address{}, errAddress
	}
	parsed, err := netmail.ParseAddress(text)
	if err != nil || len(parsed.Address) > maxAddress || strings.HasSuffix(text, ";") { // a group (RFC 5322 §3.4)
		return Address{}, errAddress
	}
	at := strings.LastIndexByte(parsed.Address, '@')
	local, domain := parsed.Address[:at], parsed.Address[at+1:]
	// Some software decodes "=?" in a local part to another address (RFC 2047 §2).
	if strings.ContainsAny(local, "()<>[]:;@\\,\" ") || strings.ContainsFunc(local, unicode.IsSpace) || strings.Contains(local, "=?") {
		return Address{}, errAddress
	}
	ascii, err := idna.Lookup.ToASCII(domain)
	if err != nil || ascii == "" || len(local)+1+len(ascii) > maxAddress {
		return Address{}, errAddress
	}
	return Address{Name: clean(parsed.Name, maxText), Addr: local + "@" + ascii}, nil
}

// UnmarshalText is ParseAddress.
func (a *Address) UnmarshalText(text []byte) (err error) {
	*a, err = ParseAddress(string(text))
	return err
}

// String returns the address in the form that ParseAddress accepts.
func (a Address) String() string {
	if a.Addr == "" {
		return ""
	}
	return a.net().String()
}

func (a Address) net() *netmail.Address { return &netmail.Address{Name: a.Name, Address: a.Addr} }

// Domain returns the domain in ASCII, or "".
func (a Address) Domain() string { return a.Addr[strings.LastIndexByte(a.Addr, '@')+1:] }

// needsUTF8 reports whether only servers with SMTPUTF8 (RFC 6531) accept the address.
func (a Address) needsUTF8() bool {
	return strings.ContainsFunc(a.Addr, func(r rune) bool { return r > unicode.MaxASCII })
}
