package proof

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"io"
	"strings"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

const (
	// recoveryCodes is how many recovery codes a user gets. Each has 80 random bits; NIST SP 800-63B-4 §3.1.2.1 requires
	// 64 where they are stored as plain digests.
	recoveryCodes     = 10
	recoveryCodeBytes = 10
)

var codeEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewRecoveryCodes returns new codes for a user, as people write them, and what to store of them.
func NewRecoveryCodes(tx *transaction.Tx, random io.Reader, userID uuid.UUID) (codes []string, factors []auth.Factor, err error) {
	for range recoveryCodes {
		secret := make([]byte, recoveryCodeBytes)
		if _, err := io.ReadFull(random, secret); err != nil {
			return nil, nil, err
		}
		text := codeEncoding.EncodeToString(secret)
		code := strings.Join([]string{text[:4], text[4:8], text[8:12], text[12:]}, "-")
		id, err := tx.NewID()
		if err != nil {
			return nil, nil, err
		}
		codes = append(codes, code)
		factors = append(factors, auth.Factor{
			ID: id, UserID: userID, Kind: auth.CredentialRecoveryCode, Key: RecoveryCodeKey(userID, code), Secret: "sha256",
			CreatedAt: tx.Now, UpdatedAt: tx.Now,
		})
	}
	return codes, factors, nil
}

// RecoveryCodeKey returns the digest of a code, by which it is stored. Spaces, dashes and case do not matter.
func RecoveryCodeKey(userID uuid.UUID, code string) string {
	code = strings.ToUpper(strings.NewReplacer(" ", "", "-", "").Replace(code))
	sum := sha256.Sum256(append(userID[:], code...))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
