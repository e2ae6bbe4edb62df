package password

import (
	"context"
	"errors"
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
	// Breaches lists passwords that were published after breaches. Nil means that there is no list but the embedded one.
	Breaches Breaches
	// RequireBreaches rejects new passwords while Breaches cannot tell.
	RequireBreaches bool
}

// Breaches lists passwords that were published after breaches.
type Breaches interface {
	// Compromised reports whether one of the texts is a published password. The error says that it could not tell.
	Compromised(ctx context.Context, texts ...string) (bool, error)
}

// ErrBreaches means that Breaches cannot tell, and the policy requires that it does.
var ErrBreaches = errors.New("password: the list of breached passwords cannot be read")

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
// is what an attacker knows about the account, such as its names and addresses. CheckBreaches checks the rest.
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

// CheckBreaches returns nil, Compromised or ErrBreaches for a new password that Check accepts. It may wait for the network,
// so it is not called in a transaction.
func (p Policy) CheckBreaches(ctx context.Context, candidate Plaintext) error {
	found, err := p.compromised(ctx, candidate)
	switch {
	case found:
		return Compromised
	case err != nil && p.RequireBreaches:
		return fmt.Errorf("%w: %w", ErrBreaches, err)
	}
	return nil
}

// IsCompromised reports whether the password of a sign-in is in Breaches. It reports false if they cannot tell.
func (p Policy) IsCompromised(ctx context.Context, used Plaintext) bool {
	found, err := p.compromised(ctx, used)
	return err == nil && found
}

// compromised looks up a password as it was typed, and in its normal form. Lists have passwords as they were typed elsewhere.
func (p Policy) compromised(ctx context.Context, password Plaintext) (bool, error) {
	if p.Breaches == nil {
		return false, nil
	}
	forms := []string{string(password)}
	if normal, problem := normalize(password); problem == "" && normal != forms[0] {
		forms = append(forms, normal)
	}
	return p.Breaches.Compromised(ctx, forms...)
}
