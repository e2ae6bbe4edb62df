package auth

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// CeremonyPurpose is what a ceremony is for.
type CeremonyPurpose string

// The purposes.
const (
	// CeremonyLogin is a sign-in that needs a second factor.
	CeremonyLogin CeremonyPurpose = "LOGIN"
	// CeremonyTOTPSetup sets up an app that makes one-time codes.
	CeremonyTOTPSetup CeremonyPurpose = "TOTP_SETUP"
	// CeremonyPasskeyLogin asks for a passkey, of an account that is not known.
	CeremonyPasskeyLogin CeremonyPurpose = "PASSKEY_LOGIN"
	// CeremonyPasskeySetup sets a passkey up.
	CeremonyPasskeySetup CeremonyPurpose = "PASSKEY_SETUP"
	// CeremonyProviderRequest has sent a browser to a provider.
	CeremonyProviderRequest CeremonyPurpose = "PROVIDER_REQUEST"
	// CeremonyProviderIdentity keeps what the provider has answered until the client asks for it.
	CeremonyProviderIdentity CeremonyPurpose = "PROVIDER_IDENTITY"
)

// Ceremony is a sign-in or a set-up that has begun and needs another request to finish.
type Ceremony struct {
	ID      uuid.UUID
	Purpose CeremonyPurpose
	// TokenDigest is the SHA-256 digest of the text that the client presents to continue.
	TokenDigest []byte
	// UserID is the account; nil while it is not known.
	UserID *uuid.UUID
	// Details is JSON of the purpose, or empty.
	Details string
	// Tries counts the attempts to finish, right or wrong.
	Tries     int
	CreatedAt time.Time
	ExpiresAt time.Time
}

// CeremonyStore keeps ceremonies.
type CeremonyStore interface {
	// CreateCeremony stores a ceremony, in place of the one with its token.
	CreateCeremony(ctx context.Context, c *Ceremony) error
	// CountCeremonyTry counts an attempt to finish a ceremony of a purpose, and returns the ceremony with it. It returns
	// ErrNotFound, and counts nothing, without such a ceremony, after it has expired, and after most tries.
	CountCeremonyTry(ctx context.Context, purpose CeremonyPurpose, tokenDigest []byte, most int, now time.Time) (*Ceremony, error)
	// TakeCeremony deletes a ceremony that has not expired, and reports whether it did. Of many at once, one does.
	TakeCeremony(ctx context.Context, id uuid.UUID, now time.Time) (bool, error)
}
