// Package password owns what may become a password and how passwords are kept: the normal form of
// what people type, the policy for new passwords, and hashing, which is bounded because each hash
// costs 19 MiB and a processor core for some 25 ms.
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

	// maxBytes bounds a password before any work is done on it. Sixteen bytes for each code point
	// leave room for accents and syllables that were typed decomposed.
	maxBytes = 16 * MaxLength
)

// Plaintext is a password as it was typed. It prints as "[redacted]" wherever it gets a say: with
// fmt, slog, encoding/json and whoever else knows encoding.TextMarshaler. It gets none with fmt's
// verbs %p and %w, which go vet refuses here, as the key of a map in JSON, and in an unexported
// field of a struct that is printed whole.
type Plaintext string

const redacted = "[redacted]"

// Format implements fmt.Formatter, for every verb.
func (Plaintext) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue implements slog.LogValuer.
func (Plaintext) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText implements encoding.TextMarshaler.
func (Plaintext) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Problem says why a password is not accepted. Its values are among those of the schema's
// InputErrorCode. Match it with errors.Is: an error may add a detail to it.
type Problem string //nolint:errname // it is what is wrong with a password

// The problems.
//
//nolint:errname // read as password.TooShort
const (
	// TooShort means that the password has fewer code points than the policy asks for.
	TooShort Problem = "TOO_SHORT"
	// TooLong means that the password has more than MaxLength code points.
	TooLong Problem = "TOO_LONG"
	// InvalidFormat means that the password has no normal form: it is not UTF-8, or has control
	// characters, unassigned or invisible ones.
	InvalidFormat Problem = "INVALID_FORMAT"
	// TooCommon means that the password is easy to guess.
	TooCommon Problem = "TOO_COMMON"
)

// Error describes p to the person who typed the password. It never repeats the password.
func (p Problem) Error() string {
	switch p {
	case TooShort:
		return "the password is too short"
	case TooLong:
		return "the password is too long: at most 256 characters are accepted"
	case TooCommon:
		return "the password is easy to guess: four or more unrelated words make a better one"
	default:
		return "the password has characters that cannot be accepted"
	}
}

// normalize returns the form of a password that is counted and hashed, so that the same password
// typed on another system is the same bytes: the OpaqueString profile of RFC 8265 §4.2. The
// problem is empty when there is none.
func normalize(p Plaintext) (string, Problem) {
	switch s := string(p); {
	case s == "":
		return "", TooShort
	case len(s) > maxBytes:
		return "", TooLong
	case !utf8.ValidString(s), strings.ContainsRune(s, utf8.RuneError):
		// U+FFFD stands for what a decoder could not read: it would make different passwords equal.
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

// emojiGlue matches the invisible code points that are part of many emoji: the variation selector
// U+FE0F (as in ❤️) and the joiner U+200D before a symbol (as in 👩‍🚀). OpaqueString refuses both.
// Passwords with emoji are welcome, and one system types the selector where another does not, so
// the normal form goes without them.
var emojiGlue = regexp.MustCompile(`\x{FE0F}|\x{200D}(\p{So})`)
