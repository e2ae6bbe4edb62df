package proof

import (
	"usher/internal/identity"
	"usher/internal/password"
)

// recordable returns what the audit log keeps of an identifier that names no account; nil for nothing. People type
// passwords into the wrong field, and those must not be stored. So it keeps only a valid e-mail address, and a valid
// user name that is too short for a password of an account here.
//
// It is called for every sign-in, so that its time does not depend on what the database has.
func (c *Checker) recordable(identifier string) *string {
	email, err := identity.ParseEmail(identifier)
	if err == nil {
		return &email.Display
	}
	username, err := identity.ParseUsername(identifier)
	if err == nil && c.policy.TooShort(password.Plaintext(identifier)) {
		return &username.Display
	}
	return nil
}
