// Package seal owns the server's secret and the keys that are derived from it. Key authenticates texts that clients keep,
// such as refresh tokens and cursors. Box encrypts data that only the server may read, such as private keys in the
// database. While the secret is replaced, both also accept what the previous secret has sealed.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
)

// Key signs text. The content is authentic but not secret: everybody can decode it.
//
// The keys are in a closure, where no verb of fmt prints them.
type Key struct{ keys func() *derived[[]byte] }

// NewKey derives the Key of a label.
func NewKey(s *Secrets, label string) (Key, error) {
	keys, err := deriveEach(s, label, func(key []byte) ([]byte, error) { return key, nil })
	if err != nil {
		return Key{}, err
	}
	return newKey(keys), nil
}

func newKey(keys derived[[]byte]) Key { return Key{func() *derived[[]byte] { return &keys }} }

// Sub derives a Key for another format from k.
func (k Key) Sub(scope string) Key {
	keys := *k.keys()
	keys.current = mac(keys.current, scoped(scope, nil))
	keys.previous = mac(keys.previous, scoped(scope, nil))
	return newKey(keys)
}

// maxSigned is the length of the longest text that Open accepts. Signed texts are shorter.
const maxSigned = 512

// Sign returns content with its MAC, in base64url. Open rejects it in another scope.
func (k Key) Sign(scope string, content []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(slices.Clip(content), k.Digest(scope, content)...))
}

// Open returns the content of a text that Sign made in the scope. Each content has only one valid text for each secret,
// so equal content of one secret means equal text.
func (k Key) Open(scope, text string) ([]byte, bool) {
	if len(text) > maxSigned {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder ignores CR and LF, even when strict. The length reveals them.
	if err != nil || len(text) != base64.RawURLEncoding.EncodedLen(len(raw)) || len(raw) < sha256.Size {
		return nil, false
	}
	content, digest := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	return content, k.Verify(scope, content, digest)
}

// Digest returns a keyed digest of content, of 32 bytes. It differs in another scope. After a change of the secret it
// differs too; Verify accepts both.
func (k Key) Digest(scope string, content []byte) []byte { return k.MAC(scoped(scope, content)) }

// Verify reports whether a digest is that of content in the scope.
func (k Key) Verify(scope string, content, digest []byte) bool {
	return k.VerifyMAC(scoped(scope, content), digest)
}

// MAC returns the HMAC-SHA256 of a text, for formats that define their signature so. The Key must have no other use.
func (k Key) MAC(text []byte) []byte { return mac(k.keys().current, text) }

// VerifyMAC reports whether a MAC is that of a text. It takes the same time whichever secret made the MAC.
func (k Key) VerifyMAC(text, sum []byte) bool {
	keys := k.keys()
	ok := hmac.Equal(sum, mac(keys.current, text))
	if keys.two {
		previous := hmac.Equal(sum, mac(keys.previous, text))
		ok = keys.accepts() && previous || ok
	}
	return ok
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

// scoped returns the text that stands for content in a scope. No scope contains a zero byte.
func scoped(scope string, content []byte) []byte {
	text := make([]byte, 0, len(scope)+1+len(content))
	return append(append(append(text, scope...), 0), content...)
}

// Box encrypts with AES-256-GCM and random nonces. Its ciphers are in a closure, as the keys of Key are.
type Box struct{ ciphers func() *derived[cipher.AEAD] }

// NewBox derives the Box of a label.
func NewBox(s *Secrets, label string) (Box, error) {
	ciphers, err := deriveEach(s, label, newCipher)
	if err != nil {
		return Box{}, err
	}
	return Box{func() *derived[cipher.AEAD] { return &ciphers }}, nil
}

func newCipher(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return aead, nil
}

// Encrypt encrypts content. Decrypting it takes the same context, which is authenticated but not encrypted.
func (b Box) Encrypt(content, context []byte) []byte {
	return b.ciphers().current.Seal(nil, nil, content, context)
}

// Decrypt returns the content that Encrypt encrypted, or an error for changed data, another context or another key.
func (b Box) Decrypt(sealed, context []byte) ([]byte, error) {
	content, _, err := b.open(sealed, context)
	return content, err
}

// Reseal encrypts data again with the current secret. It reports false if that secret has encrypted it already, or if
// it cannot be decrypted.
func (b Box) Reseal(sealed, context []byte) ([]byte, bool) {
	content, previous, err := b.open(sealed, context)
	if err != nil || !previous {
		return nil, false
	}
	return b.Encrypt(content, context), true
}

// open also reports whether the previous secret has encrypted the data.
func (b Box) open(sealed, context []byte) (content []byte, previous bool, err error) {
	ciphers := b.ciphers()
	content, err = ciphers.current.Open(nil, nil, sealed, context)
	if err != nil && ciphers.two && ciphers.accepts() {
		if content, previousErr := ciphers.previous.Open(nil, nil, sealed, context); previousErr == nil {
			return content, true, nil
		}
	}
	if err != nil {
		return nil, false, fmt.Errorf("seal: %w", err)
	}
	return content, false, nil
}
