package auth

import "time"

// SigningKey is a key that signs access tokens, without its private part.
type SigningKey struct {
	// KID is the kid of the JWK Set and of tokens.
	KID       string
	Algorithm string
	State     SigningKeyState
	CreatedAt time.Time
	// SignsFrom is when the key starts to sign.
	SignsFrom time.Time
	// VerifiesUntil is when the last token of the key expires; nil without a newer key, and for a retired key.
	VerifiesUntil *time.Time
	// RetiredAt is when an operator retired the key; nil if none did.
	RetiredAt *time.Time
}

// SigningKeyState is the state of a signing key: the schema's SigningKeyState.
type SigningKeyState string

// The states. The schema describes them.
const (
	SigningKeyPublished SigningKeyState = "PUBLISHED"
	SigningKeySigning   SigningKeyState = "SIGNING"
	SigningKeyVerifying SigningKeyState = "VERIFYING"
	SigningKeyExpired   SigningKeyState = "EXPIRED"
	SigningKeyRetired   SigningKeyState = "RETIRED"
)
