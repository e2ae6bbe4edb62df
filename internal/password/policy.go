package password

import (
	"fmt"
	"unicode/utf8"
)

const (
	// DefaultMinLength is the least number of code points of a password that is the only factor
	// (NIST SP 800-63B-4).
	DefaultMinLength = 15
	// FloorMinLength is the least number of code points that may be asked for. It is enough only
	// beside a second factor (NIST SP 800-63B-4).
	FloorMinLength = 8
)

// Policy says which passwords are accepted at sign-up, change and reset. It asks for length and
// against guessing, never for kinds of characters. It has no say at sign-in.
type Policy struct {
	// MinLength is the least number of code points. Zero means DefaultMinLength; a number below
	// FloorMinLength means FloorMinLength.
	MinLength int
}

// Check returns nil, or an error that is one of the problems TooShort, TooLong, InvalidFormat and
// TooCommon. The context is what an attacker knows of the account, such as its names and
// addresses: a password that is little more than that is TooCommon.
func (p Policy) Check(candidate Plaintext, context ...string) error {
	least := p.MinLength
	if least == 0 {
		least = DefaultMinLength
	}
	least = max(least, FloorMinLength)

	text, problem := normalize(candidate)
	switch {
	case problem != "" && problem != TooShort:
		return problem
	case utf8.RuneCountInString(text) < least:
		return fmt.Errorf("%w: at least %d characters are needed", TooShort, least)
	case isGuessable(text, context, least):
		return TooCommon
	}
	return nil
}
