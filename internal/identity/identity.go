// Package identity owns the names of users: the user name and the e-mail address, which identify a user at
// sign-in, and the full name, which is only displayed. It decides which names are valid, the form in which they
// are stored, and the canonical key that must be unique.
//
// Keys are idempotent. ParseIdentifier returns the same key for a name as it was typed, for its Display and for
// its Key.
//
// A word that mixes scripts is invalid, such as "paypal" with one Cyrillic letter. A user name with an invisible
// mark is invalid too, such as a dot above an i. Letters of one script that look alike are not detected: "rnary"
// and "mary" are two names. Nor are names in two scripts that look alike.
package identity

import "strings"

// Name is a valid user name or e-mail address.
type Name struct {
	// Display is the form to store and display: the name as it was typed, in NFC and without full-width
	// letters.
	Display string
	// Key is the canonical form. Two names are the same if their keys are equal.
	Key string
}

// Problem is the reason why a value is invalid. Its values are values of the schema's InputErrorCode.
type Problem string //nolint:errname // identity.Problem reads better than identity.ProblemError

// The problems.
//
//nolint:errname // identity.TooShort reads better than identity.ErrTooShort
const (
	// Required means that the value is empty or consists of spaces.
	Required Problem = "REQUIRED"
	// TooShort means that the value is shorter than the minimum.
	TooShort Problem = "TOO_SHORT"
	// TooLong means that the value is longer than the maximum.
	TooLong Problem = "TOO_LONG"
	// InvalidFormat means that the value has invalid characters or an invalid form.
	InvalidFormat Problem = "INVALID_FORMAT"
)

// Error describes p to the user. The text never contains the value.
func (p Problem) Error() string {
	switch p {
	case Required:
		return "a value is missing"
	case TooShort:
		return "the value is too short"
	case TooLong:
		return "the value is too long"
	default:
		return "the value has invalid characters or an invalid form"
	}
}

// maxTyped is the maximum number of input bytes for one code point of a name: 4 in UTF-8, times 3 if it was typed
// as a letter and its marks. It limits the size of an input before its characters are examined.
const maxTyped = 12

// ParseIdentifier parses the identifier that a user typed to sign in, and reports whether it is an e-mail address
// rather than a user name. It reports ok false if no user can have that name. A name that is invalid for new
// accounts is ok if older accounts may have it.
func ParseIdentifier(raw string) (name Name, isEmail, ok bool) {
	parse := parseUsername
	if isEmail = strings.Contains(raw, "@"); isEmail {
		parse = parseEmail
	}
	name, err := parse(raw)
	return name, isEmail, err == nil
}
