package password

import (
	"fmt"
	"unicode/utf8"
)

const (
	// DefaultMinLength is the minimum number of code points for a password that is the only factor
	// (NIST SP 800-63B-4 §3.1.1.2).
	DefaultMinLength = 15
	// FloorMinLength is the lowest minimum that can be set. It is only for passwords beside a second factor
	// (NIST SP 800-63B-4 §3.1.1.2).
	FloorMinLength = 8
)

// Policy says which passwords are accepted at sign-up, change and reset. It requires a length and rejects passwords that
// are easy to guess. It never requires kinds of characters. It does not apply at sign-in.
type Policy struct {
	// MinLength is the minimum number of code points. Zero means DefaultMinLength. A number below FloorMinLength
	// means FloorMinLength.
	MinLength int
}

func (p Policy) minLength() int {
	if p.MinLength == 0 {
		return DefaultMinLength
	}
	return max(p.MinLength, FloorMinLength)
}

// TooShort reports whether a text is shorter than every password that the policy accepts. A text without a normal form
// is not.
func (p Policy) TooShort(text Plaintext) bool {
	normal, problem := normalize(text)
	return problem == TooShort || problem == "" && utf8.RuneCountInString(normal) < p.minLength()
}

// Check returns nil, or an error that is one of the problems TooShort, TooLong, InvalidFormat and TooCommon. The context
// is what an attacker knows about the account, such as its names and addresses.
func (p Policy) Check(candidate Plaintext, context ...string) error {
	minLength := p.minLength()
	text, problem := normalize(candidate)
	switch {
	case problem != "" && problem != TooShort:
		return problem
	case utf8.RuneCountInString(text) < minLength:
		return fmt.Errorf("%w: at least %d characters are needed", TooShort, minLength)
	case isGuessable(text, context, minLength):
		return TooCommon
	}
	return nil
}
