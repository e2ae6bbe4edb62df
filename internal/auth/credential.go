package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// CredentialKind is the kind of a credential.
type CredentialKind string

// CredentialPassword is a password. An account has at most one.
const CredentialPassword CredentialKind = "PASSWORD"

// Credential is something that a user can authenticate with.
type Credential struct {
	ID     uuid.UUID
	UserID uuid.UUID
	Kind   CredentialKind
	// Secret verifies the credential. For a password it is a PHC string, or a bcrypt hash of another system.
	Secret    string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// CredentialStore keeps credentials. Every method that changes what a user can authenticate with also increments
// User.CredentialsVersion, so that no sign-in with the credential from before can finish.
type CredentialStore interface {
	// PasswordOf, PasswordByUsername and PasswordByEmail find a user by id or by canonical key, together with their
	// password, in one query. The credential is nil when the account has no password.
	PasswordOf(ctx context.Context, userID uuid.UUID) (*User, *Credential, error)
	PasswordByUsername(ctx context.Context, key string) (*User, *Credential, error)
	PasswordByEmail(ctx context.Context, key string) (*User, *Credential, error)
	// RehashPassword replaces the secret of a user's password by another secret of the same password, if it is still
	// old, and reports whether it did. The credential stays the same, and so does its version.
	RehashPassword(ctx context.Context, userID uuid.UUID, old, secret string, now time.Time) (bool, error)
	// SetPassword gives a user a password, or changes the secret of the one that they have, whatever it is. Users that
	// were read before have an outdated CredentialsVersion then.
	SetPassword(ctx context.Context, c *Credential) error
	// DeletePassword takes a user's password away, if they have one.
	DeletePassword(ctx context.Context, userID uuid.UUID) error
}
