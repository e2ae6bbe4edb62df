// Package password owns passwords: their normal form, the policy for new ones, and their hashes. Hashing is bounded,
// because each hash takes 19 MiB and a processor core for some 25 ms.
package password

import (
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"
)

const (
	// MaxLength is the most code points that a password may have, counted in its normal form.
	MaxLength = 256

	// maxBytes bounds a password before any work is done on it. Sixteen bytes for each code point are enough for
	// decomposed accents and syllables.
	maxBytes = 16 * MaxLength
)

// Plaintext is a password as it was typed. It prints as "[redacted]" with fmt, slog, encoding/json and everything
// else that uses encoding.TextMarshaler. It cannot prevent being printed by fmt's verbs %p and %w, which go vet
// rejects here, as the key of a map in JSON, and in an unexported field of a struct that is printed.
type Plaintext string

const redacted = "[redacted]"

// Format implements fmt.Formatter, for every verb.
func (Plaintext) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (Plaintext) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Plaintext) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Problem says why a password is rejected. Its values are values of the schema's InputErrorCode. Match it with
// errors.Is, because an error may wrap it to add a detail.
type Problem string //nolint:errname // it is a property of a password

// The problems.
//
//nolint:errname // read as password.TooShort
const (
	// TooShort means that the password has fewer code points than the policy requires.
	TooShort Problem = "TOO_SHORT"
	// TooLong means that the password has more than MaxLength code points.
	TooLong Problem = "TOO_LONG"
	// InvalidFormat means that the password has no normal form: it is not UTF-8, or has control, unassigned or
	// invisible characters.
	InvalidFormat Problem = "INVALID_FORMAT"
	// TooCommon means that the password is easy to guess.
	TooCommon Problem = "TOO_COMMON"
	// Compromised means that the password was published after a breach.
	Compromised Problem = "COMPROMISED"
)

// Error describes the problem to the user. It never repeats the password.
func (p Problem) Error() string {
	switch p {
	case TooShort:
		return "the password is too short"
	case TooLong:
		return "the password is too long: at most 256 characters are accepted"
	case TooCommon:
		return "the password is easy to guess: four or more unrelated words make a better one"
	case Compromised:
		return "the password is in a list of passwords that were published after a breach: choose one that you use nowhere else"
	default:
		return "the password has characters that cannot be accepted"
	}
}

// normalize returns the form of a password that is counted and hashed: the OpaqueString profile of RFC 8265 §4.2. It
// makes the same password, typed on another system, the same bytes. The problem is empty if there is none.
func normalize(p Plaintext) (string, Problem) {
	switch s := string(p); {
	case s == "":
		return "", TooShort
	case len(s) > maxBytes:
		return "", TooLong
	case !utf8.ValidString(s), strings.ContainsRune(s, utf8.RuneError):
		// A decoder writes U+FFFD for input that it cannot read, which would make different passwords equal.
		return "", InvalidFormat
	}
	text, err := precis.OpaqueString.String(string(p))
	if err != nil {
		text, err = precis.OpaqueString.String(emojiGlue.ReplaceAllString(string(p), "$1"))
	}
	switch {
	case err != nil:
		return "", InvalidFormat
	case utf8.RuneCountInString(text) > MaxLength:
		return "", TooLong
	}
	return text, ""
}

// Same reports whether two passwords have the same normal form. Two that have none are the same if their bytes are.
func Same(a, b Plaintext) bool {
	if a == b {
		return true
	}
	x, problem := normalize(a)
	y, other := normalize(b)
	return problem == "" && other == "" && x == y
}

// emojiGlue matches the invisible code points in many emoji: the variation selector U+FE0F (as in ❤️) and the joiner
// U+200D before a symbol (as in 👩‍🚀). OpaqueString rejects both. Passwords may have emoji, and some systems type the
// selector where others do not, so the normal form has neither.
var emojiGlue = regexp.MustCompile(`\x{FE0F}|\x{200D}(\p{So})`)
