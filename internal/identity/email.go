package identity

import (
	"strings"

	"golang.org/x/net/idna"
)

// MaxEmail is the length of the longest e-mail address, in octets: RFC 5321 §4.5.3.1.3 allows a
// path 256, its angle brackets among them.
const MaxEmail = 254

// maxLocal is the length of the longest local part, in octets (RFC 5321 §4.5.3.1.1).
const maxLocal = 64

// specials are the printable ASCII characters that no atom has (RFC 5322 §3.2.3).
const specials = `()<>[]:;@\,."`

// ParseEmail accepts one plain address as in "ada@example.com": no display name, comment, quotes
// or address literal. The local part is a dot-atom (RFC 5322 §3.2.3) whose atoms may have letters
// and digits of other languages (RFC 6531 §3.3); the domain is one that can be registered (RFC 5891
// §4), below a top-level domain. Words of either have letters of one script and no invisible
// characters. Spaces around the address are dropped.
//
// Display has the local part in the case it was typed in and the domain in Unicode and lower case.
// The key has the local part in lower case, by the profile of user names, and the domain in ASCII,
// as DNS and SMTP want it. A local part with "=?" is refused: that begins an encoded word (RFC 2047 §2), which
// mail software decodes to another address in places where it should not. No provider's habits are known here: "a.da+news" is not "ada". The error
// is a [Problem].
func ParseEmail(raw string) (Name, error) {
	name, err := parseEmail(raw)
	if err == nil && strings.Contains(name.Key, "=?") { // the domain has neither character
		return Name{}, InvalidFormat
	}
	return name, err
}

// parseEmail is ParseEmail for addresses of any age.
func parseEmail(raw string) (Name, error) {
	raw = strings.Trim(raw, " ")
	switch {
	case raw == "":
		return Name{}, Required
	case len(raw) > MaxEmail:
		return Name{}, TooLong
	}
	before, after, _ := strings.Cut(raw, "@")
	local, ok := parseWords(before)
	if !ok {
		return Name{}, InvalidFormat
	}
	domain, ok := parseDomain(after)
	if !ok {
		return Name{}, InvalidFormat
	}
	// Every form of the address must fit, so that each can be parsed again.
	octets := max(len(local.Display), len(local.Key))
	if octets > maxLocal || octets+len("@")+max(len(domain.Display), len(domain.Key)) > MaxEmail {
		return Name{}, TooLong
	}
	return Name{
		Display: local.Display + "@" + domain.Display,
		Key:     local.Key + "@" + domain.Key,
	}, nil
}

// parseDomain reads a domain name of at least two labels, in Unicode, in Punycode or in both. The
// name it returns has U-labels for Display and A-labels for Key (RFC 5890 §2.3.2.1).
func parseDomain(raw string) (Name, bool) {
	words, ok := parseWords(raw)
	if !ok {
		return Name{}, false
	}
	ascii, err := idna.Registration.ToASCII(words.Key)
	if err != nil {
		return Name{}, false
	}
	// A top-level domain of digits would make the whole an IPv4 address.
	dot := strings.LastIndexByte(ascii, '.')
	if dot < 0 || strings.Trim(ascii[dot+1:], "0123456789") == "" {
		return Name{}, false
	}
	display, err := idna.Registration.ToUnicode(ascii)
	if err != nil {
		return Name{}, false
	}
	if display != words.Key {
		// What a label in Punycode stands for must be a word, too.
		if words, ok = parseWords(display); !ok || words.Key != display {
			return Name{}, false
		}
	}
	return Name{Display: display, Key: ascii}, true
}

// parseWords reads words with one dot between each two of them.
func parseWords(raw string) (Name, bool) {
	var display, key strings.Builder
	for word := range strings.SplitSeq(raw, ".") {
		name, ok := parseWord(word)
		if !ok || strings.ContainsAny(name.Key, specials) {
			return Name{}, false
		}
		if key.Len() > 0 {
			display.WriteByte('.')
			key.WriteByte('.')
		}
		display.WriteString(name.Display)
		key.WriteString(name.Key)
	}
	return Name{Display: display.String(), Key: key.String()}, true
}
