package auth

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
)

// The kinds of credentials beside the password. Users can have several of each but the first.
const (
	// CredentialTOTP is an app that makes one-time codes (RFC 6238). An account has at most one.
	CredentialTOTP CredentialKind = "TOTP"
	// CredentialPasskey is a key pair whose private key stays with the user (WebAuthn).
	CredentialPasskey CredentialKind = "PASSKEY"
	// CredentialRecoveryCode is a code that the user has written down. It can be used once.
	CredentialRecoveryCode CredentialKind = "RECOVERY_CODE"
	// CredentialIdentity is an account at a provider. It signs in, but is no second factor.
	CredentialIdentity CredentialKind = "IDENTITY"
)

// Factor is a credential that is not a password.
type Factor struct {
	ID     uuid.UUID
	UserID uuid.UUID
	Kind   CredentialKind
	// Key identifies it among those of its kind: empty for TOTP, the digest of a recovery code, that of the credential ID of
	// a passkey, and that of the issuer and the subject of an identity. No two accounts have the same passkey or identity.
	Key string
	// Secret verifies it: the encrypted seed of TOTP. It is a mark for a recovery code, whose key verifies it, for a passkey,
	// whose Details have the public key, and for an identity, which its provider verifies.
	Secret string
	// Name is what its owner calls it; nil without a name.
	Name *string
	// Counter is the last accepted time step of TOTP, or the signature counter of a passkey.
	Counter int64
	// Details is JSON of the kind, or empty.
	Details    string
	LastUsedAt *time.Time
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// FactorUse is a use of a factor, to store.
type FactorUse struct {
	ID uuid.UUID
	// Counter replaces the one that the factor had when it was checked, Was.
	Was, Counter int64
	// Details replaces what the factor had.
	Details string
	At      time.Time
}

// HasFactor reports whether the user has a credential of a kind other than the password.
func (u *User) HasFactor(kind CredentialKind) bool { return slices.Contains(u.Factors, kind) }

// HasSecondFactor reports whether the user has an authenticator app or a passkey. Recovery codes only stand in for one.
func (u *User) HasSecondFactor() bool {
	return u.HasFactor(CredentialTOTP) || u.HasFactor(CredentialPasskey)
}

// FactorStore keeps factors. Methods that change which factors a user has also set User.Factors, and increment
// User.CredentialsVersion.
type FactorStore interface {
	// Factors lists the factors of a user, the oldest first.
	Factors(ctx context.Context, userID uuid.UUID) ([]Factor, error)
	// FactorByKey finds a passkey or an identity and its user, in one query.
	FactorByKey(ctx context.Context, kind CredentialKind, key string) (*User, *Factor, error)
	// AddFactors stores new factors of a user. It returns ErrFactorTaken, and stores none, when a factor with the kind and
	// the key of one exists, for a passkey or an identity even one of another account. Of many at once, exactly one succeeds.
	AddFactors(ctx context.Context, userID uuid.UUID, factors []Factor) error
	// UseFactor stores a use of a factor if its counter is still the one that was checked, and reports whether it did. Of
	// many at once with different counters, exactly one succeeds. It changes no version.
	UseFactor(ctx context.Context, use FactorUse) (bool, error)
	// TakeRecoveryCode deletes the recovery code of a user with a key, and reports whether there was one. Of many at once,
	// exactly one succeeds. It sets User.Factors, and changes no version: sign-ins with other credentials can go on.
	TakeRecoveryCode(ctx context.Context, userID uuid.UUID, key string) (bool, error)
	// Seeds lists factors of the kind TOTP after an id, in the order of their ids, for a change of the server's secret.
	Seeds(ctx context.Context, after uuid.UUID, limit int) ([]Factor, error)
	// ResealFactor replaces the secret of a factor, and reports whether it was still from. The factor stays the same.
	ResealFactor(ctx context.Context, id uuid.UUID, from, to string) (bool, error)
	// RenameFactor changes what a user calls one of their factors. It returns ErrNotFound if they have no such factor.
	RenameFactor(ctx context.Context, userID, id uuid.UUID, name string, now time.Time) error
	// RemoveFactors deletes the factors of a user of a kind, and returns how many. If it deletes any, the sessions of the user
	// forget the methods, and it sets the time of the last removal, unless there are no methods.
	RemoveFactors(ctx context.Context, userID uuid.UUID, r FactorRemoval) (int, error)
	// SetFactorDue sets when the time of a user to set up a second factor is over, unless it is over earlier. It changes no
	// version.
	SetFactorDue(ctx context.Context, userID uuid.UUID, at time.Time) error
}

// FactorRemoval says which factors of a user to remove.
type FactorRemoval struct {
	Kind CredentialKind
	// ID is one factor of the kind; nil means all.
	ID *uuid.UUID
	// Methods are what sessions forget. With an ID, only those do that were signed in with this passkey.
	Methods []Method
	At      time.Time
}
