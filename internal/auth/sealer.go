package auth

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
)

// sealer makes text that only this server can have made. What is inside can be read by whoever
// decodes it, and is nothing to hide.
type sealer struct {
	key []byte
}

// newSealer derives a key of its own for each label.
func newSealer(secret []byte, label string) (sealer, error) {
	if len(secret) < sha256.Size {
		return sealer{}, errors.New("auth: the server's secret is shorter than 32 bytes")
	}
	key, err := hkdf.Key(sha256.New, secret, nil, label, sha256.Size)
	if err != nil {
		return sealer{}, fmt.Errorf("auth: derive key: %w", err)
	}
	return sealer{key}, nil
}

// seal returns content with its MAC, in base64url. What is sealed in one scope does not open in
// another.
func (s sealer) seal(scope string, content []byte) string {
	return base64.RawURLEncoding.EncodeToString(append(slices.Clip(content), s.mac(scope, content)...))
}

// open returns the content of a text that seal made in the scope. No other text opens, and so one
// that was seen is recognized by its text.
func (s sealer) open(scope, text string) ([]byte, bool) {
	if len(text) > maxSealed {
		return nil, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	// The decoder skips CR and LF, even when strict. They show in the length.
	if err != nil || len(text) != base64.RawURLEncoding.EncodedLen(len(raw)) || len(raw) < sha256.Size {
		return nil, false
	}
	content, mac := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	return content, hmac.Equal(mac, s.mac(scope, content))
}

// maxSealed is longer than anything that is sealed.
const maxSealed = 512

func (s sealer) mac(scope string, content []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(scope))
	h.Write([]byte{0}) // no scope has it
	h.Write(content)
	return h.Sum(nil)
}
