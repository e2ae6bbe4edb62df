// Package seal owns the keys that are derived from the server's secret. Key authenticates texts that clients keep, such
// as refresh tokens and cursors. Box encrypts data that only the server may read, such as private keys in the database.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

// minSecret is the shortest secret that keys are derived from, in bytes.
const minSecret = sha256.Size

// derive returns the key of a label (RFC 5869). To change a label is to lose everything that is sealed under it.
func derive(secret []byte, label string) ([]byte, error) {
	if len(secret) < minSecret {
		return nil, errors.New("seal: the server's secret is shorter than 32 bytes")
	}
	key, err := hkdf.Key(sha256.New, secret, nil, label, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("seal: derive key: %w", err)
	}
	return key, nil
}

// Key signs text. The content is authentic but not secret: everybody can decode it.
//
// The key is in a closure, where no verb of fmt prints it.
type Key struct{ key func() []byte }

// NewKey derives the Key of a label.
func NewKey(secret []byte, label string) (Key, error) {
	key, err := derive(secret, label)
	if err != nil {
		return Key{}, err
	}
	return Key{func() []byte { return key }}, nil
}

// maxSigned is the length of the longest text that Open accepts. Signed texts are shorter.
const maxSigned = 512

// Sign returns content with its MAC, in base64url. Open rejects it in another scope.
func (k Key) Sign(scope string, content []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(slices.Clip(content), k.mac(scope, content)...))
}

// Open returns the content of a text that Sign made in the scope. Each content has only one valid text, so equal
// content means equal text.
func (k Key) Open(scope, text string) ([]byte, bool) {
	if len(text) > maxSigned {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder ignores CR and LF, even when strict. The length reveals them.
	if err != nil || len(text) != base64.RawURLEncoding.EncodedLen(len(raw)) || len(raw) < sha256.Size {
		return nil, false
	}
	content, mac := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	return content, hmac.Equal(mac, k.mac(scope, content))
}

// Digest returns a keyed digest of content, of 32 bytes. It differs in another scope.
func (k Key) Digest(scope string, content []byte) []byte { return k.mac(scope, content) }

func (k Key) mac(scope string, content []byte) []byte {
	h := hmac.New(sha256.New, k.key())
	h.Write([]byte(scope))
	h.Write([]byte{0}) // which no scope contains
	h.Write(content)
	return h.Sum(nil)
}

// Box encrypts with AES-256-GCM and random nonces. Its cipher is in a closure, as the key of Key is.
type Box struct{ cipher func() cipher.AEAD }

// NewBox derives the Box of a label.
func NewBox(secret []byte, label string) (Box, error) {
	key, err := derive(secret, label)
	if err != nil {
		return Box{}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return Box{}, fmt.Errorf("seal: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return Box{}, fmt.Errorf("seal: %w", err)
	}
	return Box{func() cipher.AEAD { return aead }}, nil
}

// Encrypt encrypts content. Decrypting it takes the same context, which is authenticated but not encrypted.
func (b Box) Encrypt(content, context []byte) []byte {
	return b.cipher().Seal(nil, nil, content, context)
}

// Decrypt returns the content that Encrypt encrypted, or an error for changed data, another context or another key.
func (b Box) Decrypt(sealed, context []byte) ([]byte, error) {
	content, err := b.cipher().Open(nil, nil, sealed, context)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return content, nil
}
