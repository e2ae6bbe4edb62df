package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// CredentialKind says what a credential is.
type CredentialKind string

// CredentialPassword is a password. An account has one at most.
const CredentialPassword CredentialKind = "PASSWORD"

// Credential is one thing with which a user can authenticate.
type Credential struct {
	ID     uuid.UUID
	UserID uuid.UUID
	Kind   CredentialKind
	// Secret is what checks it. Of a password: a PHC string, or a bcrypt hash of another system.
	Secret    string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// CredentialStore keeps credentials.
type CredentialStore interface {
	// PasswordOf, PasswordByUsername and PasswordByEmail find a user, by id or by canonical key, together with
	// their password, in one query. The credential is nil when the account has no password.
	PasswordOf(ctx context.Context, userID uuid.UUID) (*User, *Credential, error)
	PasswordByUsername(ctx context.Context, key string) (*User, *Credential, error)
	PasswordByEmail(ctx context.Context, key string) (*User, *Credential, error)
	// ReplacePassword sets the secret of a user's password, unless it is no longer old. It reports whether it
	// did. Call it in a transaction.
	ReplacePassword(ctx context.Context, userID uuid.UUID, old, secret string, now time.Time) (bool, error)
}
