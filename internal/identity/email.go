package identity

import (
	"strings"

	"golang.org/x/net/idna"
)

// MaxEmail is the maximum length of an e-mail address in octets. RFC 5321 §4.5.3.1.3 limits a path to 256 octets
// including its angle brackets.
const MaxEmail = 254

// maxLocal is the maximum length of a local part in octets (RFC 5321 §4.5.3.1.1).
const maxLocal = 64

// specials are the printable ASCII characters that an atom cannot contain (RFC 5322 §3.2.3).
const specials = `()<>[]:;@\,."`

// ParseEmail parses one plain address such as "ada@example.com", without display name, comment, quotes or address
// literal. The local part must be a dot-atom (RFC 5322 §3.2.3), with letters and digits of any language (RFC 6531
// §3.3). The domain must be below a top-level domain and one that can be registered (RFC 5891 §4). Each word of
// either must have letters of one script and no invisible characters. Surrounding spaces are removed.
//
// Display has the local part in its original case, and the domain in Unicode and lower case. The key has the local
// part in lower case by the profile of user names, and the domain in ASCII, as DNS and SMTP require. A local part
// with "=?" is rejected, because that begins an encoded word (RFC 2047 §2). Some mail software decodes it to
// another address where it should not. Rules of mail providers are not applied: "a.da+news" and "ada" differ. The
// error is a [Problem].
func ParseEmail(raw string) (Name, error) {
	name, err := parseEmail(raw)
	if err == nil && strings.Contains(name.Key, "=?") { // a domain contains neither character
		return Name{}, InvalidFormat
	}
	return name, err
}

// parseEmail is ParseEmail without the checks that older accounts may not satisfy.
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
	// Display and Key must both fit, so that each can be parsed again.
	octets := max(len(local.Display), len(local.Key))
	if octets > maxLocal || octets+len("@")+max(len(domain.Display), len(domain.Key)) > MaxEmail {
		return Name{}, TooLong
	}
	return Name{
		Display: local.Display + "@" + domain.Display,
		Key:     local.Key + "@" + domain.Key,
	}, nil
}

// parseDomain parses a domain name of at least two labels, each in Unicode or Punycode. It returns U-labels as
// Display and A-labels as Key (RFC 5890 §2.3.2.1).
func parseDomain(raw string) (Name, bool) {
	words, ok := parseWords(raw)
	if !ok {
		return Name{}, false
	}
	ascii, err := idna.Registration.ToASCII(words.Key)
	if err != nil {
		return Name{}, false
	}
	// A name with a top-level domain of digits would be an IPv4 address.
	dot := strings.LastIndexByte(ascii, '.')
	if dot < 0 || strings.Trim(ascii[dot+1:], "0123456789") == "" {
		return Name{}, false
	}
	display, err := idna.Registration.ToUnicode(ascii)
	if err != nil {
		return Name{}, false
	}
	if display != words.Key {
		// A label in Punycode must decode to a valid word.
		if words, ok = parseWords(display); !ok || words.Key != display {
			return Name{}, false
		}
	}
	return Name{Display: display, Key: ascii}, true
}

// parseWords parses words separated by single dots.
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
