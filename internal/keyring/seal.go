package keyring

import (
	"context"
	"fmt"

	"usher/internal/seal"
	"usher/internal/token"
)

// sealLabel separates the encryption key from other keys derived from the server's secret. A change of the
// label makes all stored keys unreadable.
const sealLabel = "usher signing keys AES-256-GCM"

// sealer encrypts private keys, so that a copy of the database cannot sign tokens.
type sealer struct{ box seal.Box }

func newSealer(secrets *seal.Secrets) (sealer, error) {
	box, err := seal.NewBox(secrets, sealLabel)
	if err != nil {
		return sealer{}, fmt.Errorf("keyring: %w", err)
	}
	return sealer{box}, nil
}

// SealedError means that a private key cannot be decrypted.
type SealedError struct{ KeyID string }

func (e *SealedError) Error() string {
	return fmt.Sprintf(`the signing key %[1]s cannot be decrypted: it was encrypted with another server secret, or it was modified.

Start with the secret that it was encrypted with, as USHER_SECRET_KEY or as USHER_SECRET_KEY_PREVIOUS. If that secret is lost, retire the key with

    usher keys retire --force -- %[1]s

The server then creates a new key and rejects access tokens of the old one`, e.KeyID)
}

// seal encrypts a private key into its record.
func (s sealer) seal(r *Record, der []byte) {
	r.Sealed = s.box.Encrypt(der, r.sealedFor())
}

// open decrypts the key of a record. The error is a *[SealedError].
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

// Reseal encrypts the stored keys with the current secret. It returns how many it has changed. Several replicas may call
// it at once, and it may be interrupted.
func Reseal(ctx context.Context, o Options) (changed int, err error) {
	s, err := newSealer(o.Secrets)
	if err != nil {
		return 0, err
	}
	records, err := o.Store.SigningKeys(ctx)
	for i := 0; err == nil && i < len(records); i++ {
		r := &records[i]
		sealed, ok := s.box.Reseal(r.Sealed, r.sealedFor())
		if !ok {
			continue
		}
		if ok, err = o.Store.ResealSigningKey(ctx, r.KeyID, r.Sealed, sealed); ok {
			changed++
		}
	}
	return changed, err
}

// sealedFor is the additional data of the encryption. It binds a private key to its ID and algorithm.
func (r *Record) sealedFor() []byte { return []byte(r.KeyID + "." + string(r.Algorithm)) }
