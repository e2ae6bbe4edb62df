package keyring

import (
	"fmt"

	"usher/internal/seal"
	"usher/internal/token"
)

// sealLabel separates the key that encrypts private keys from whatever else is derived from the
// server's secret. Another label makes every sealed key unreadable.
const sealLabel = "usher signing keys AES-256-GCM"

// sealer encrypts private keys, so that a copy of the database signs nothing.
type sealer struct{ box seal.Box }

func newSealer(secret []byte) (sealer, error) {
	if err := token.CheckSecret(secret); err != nil {
		return sealer{}, fmt.Errorf("keyring: %w", err)
	}
	box, err := seal.NewBox(secret, sealLabel)
	if err != nil {
		return sealer{}, fmt.Errorf("keyring: %w", err)
	}
	return sealer{box}, nil
}

// SealedError says that a private key cannot be decrypted.
type SealedError struct{ KeyID string }

func (e *SealedError) Error() string {
	return fmt.Sprintf(`the signing key %[1]s cannot be opened: it was sealed with another server secret, or has been changed.

Start with the secret that it was sealed with. If that is lost, give the key up with

    usher keys retire --force -- %[1]s

and the server makes a new one; access tokens of the old one are refused from then on`, e.KeyID)
}

// seal puts the private part of a key into its record.
func (s sealer) seal(r *Record, der []byte) {
	r.Sealed = s.box.Encrypt(der, r.sealedFor())
}

// open returns the key of a record.
func (s sealer) open(r *Record) (token.Key, error) {
	der, err := s.box.Decrypt(r.Sealed, r.sealedFor())
	if err != nil {
		return token.Key{}, &SealedError{r.KeyID}
	}
	key, err := token.ParsePrivateKey(r.Algorithm, der)
	if err != nil || key.ID() != r.KeyID {
		return token.Key{}, &SealedError{r.KeyID}
	}
	return key, nil
}

// sealedFor is authenticated together with a private key: under another id, or for another
// algorithm, it does not open.
func (r *Record) sealedFor() []byte { return []byte(r.KeyID + "." + string(r.Algorithm)) }
