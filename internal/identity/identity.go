// Package identity owns the names people go by: the user name and the e-mail address, which they
// sign in with, and the full name, which is only shown. It decides what is accepted, in which form
// it is kept, and which canonical key must be unique.
//
// Keys are idempotent: to ParseIdentifier a name as it was typed, its Display and its Key all yield the same
// Key.
//
// A word that mixes scripts is refused, such as "paypal" with one Cyrillic letter, and so is a user name with
// a mark that does not show, such as a dot above an i. Letters that look alike within one script are not
// looked for: "rnary" and "mary" are two names, and so are names that look alike in two scripts.
package identity

import "strings"

// Name is a user name or an e-mail address that can belong to somebody.
type Name struct {
	// Display is the form to keep and to show: what was typed, composed (NFC) and without
	// full-width letters.
	Display string
	// Key is the canonical form. Two names are one and the same if their keys are equal.
	Key string
}

// Problem says why a value is not accepted. Its values are among those of the schema's
// InputErrorCode.
type Problem string //nolint:errname // read as identity.Problem, it is what is wrong with a name

// The problems.
//
//nolint:errname // read as identity.TooShort
const (
	// Required means that there is no value, or nothing but spaces.
	Required Problem = "REQUIRED"
	// TooShort means that the value is shorter than the shortest that is accepted.
	TooShort Problem = "TOO_SHORT"
	// TooLong means that the value is longer than the longest that is accepted.
	TooLong Problem = "TOO_LONG"
	// InvalidFormat means that the value has characters, or an order of them, that are not accepted.
	InvalidFormat Problem = "INVALID_FORMAT"
)

// Error describes p to the person who typed the value. It never repeats the value.
func (p Problem) Error() string {
	switch p {
	case Required:
		return "a value is missing"
	case TooShort:
		return "the value is too short"
	case TooLong:
		return "the value is too long"
	default:
		return "the value has characters or a form that cannot be accepted here"
	}
}

// maxTyped is the most bytes that one code point of a name can have arrived in: 4 in UTF-8, and up
// to 3 times as many if it was typed as a letter and its marks. It bounds an input before anything
// looks at its characters.
const maxTyped = 12

// ParseIdentifier returns the key to look up for what somebody typed to sign in, and whether it is
// that of an e-mail address rather than of a user name. It is not ok if nobody can have that name. Names
// that new accounts cannot have are ok if older accounts may have them.
func ParseIdentifier(raw string) (key string, isEmail, ok bool) {
	parse := parseUsername
	if isEmail = strings.Contains(raw, "@"); isEmail {
		parse = parseEmail
	}
	name, err := parse(raw)
	return name.Key, isEmail, err == nil
}
