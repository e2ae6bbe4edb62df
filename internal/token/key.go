package token

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// tokenType is the typ of an access token, RFC 9068 §2.1.
	tokenType = "at+jwt"

	// hmacLabel separates the HMAC key from whatever else is derived from the
	// same secret. Another label makes every token in use invalid.
	hmacLabel = "usher access token HS256"
)

// KeySet holds the keys of an [Authority]. A set may change while it is used,
// so that keys can rotate; its methods are called for every token, from many
// goroutines, and must not block.
type KeySet interface {
	// Signing returns the key for new tokens. It must be a verifying key too.
	Signing(now time.Time) Key

	// Verifying returns the key of that id, if it verifies now. The id is empty
	// when a token's header has no kid. An id never passes to another key.
	Verifying(kid string, now time.Time) (Key, bool)
}

// Key is a key together with the only algorithm it may be used for. It prints
// as its algorithm and id, whatever the verb. A Key is also a [KeySet]: the set
// of itself alone.
//
// The secret is held by closures only. As a field, even behind a pointer, some
// verb of fmt would find it in a struct that holds the Key unexported, for
// there fmt does not ask for Format.
type Key struct {
	id        string // kid; empty for a key that has none
	algorithm Algorithm
	header    string // the header segment of every token that the key signs
	jwk       string // its public part, RFC 7517; empty for a key that has none
	sign      func(input string) ([]byte, error)
	verify    func(input string, signature []byte) error
}

// wireHeader is the JOSE header of a token.
type wireHeader struct {
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid,omitempty"`
}

// NewHMACKey derives an HS256 key from the server's secret. It refuses the
// secrets that [CheckSecret] refuses, with its errors.
//
// The key has no id: a kid is there to choose among published keys, and this
// one is never published. A token that bears a kid is therefore not its own.
func NewHMACKey(secret []byte) (Key, error) {
	if err := CheckSecret(secret); err != nil {
		return Key{}, err
	}
	derived, err := hkdf.Key(sha256.New, secret, nil, hmacLabel, sha256.Size)
	if err != nil {
		return Key{}, fmt.Errorf("token: derive key: %w", err)
	}
	return newKey("", jwt.SigningMethodHS256, derived, derived)
}

// newKey makes a key of what the method wants for signing and verifying.
func newKey(id string, method jwt.SigningMethod, signing, verifying any) (Key, error) {
	header, err := json.Marshal(wireHeader{Type: tokenType, Algorithm: method.Alg(), KeyID: id})
	if err != nil {
		return Key{}, fmt.Errorf("token: header: %w", err)
	}
	return Key{
		id:        id,
		algorithm: Algorithm(method.Alg()),
		header:    base64.RawURLEncoding.EncodeToString(header),
		sign: func(input string) ([]byte, error) {
			return method.Sign(input, signing)
		},
		verify: func(input string, signature []byte) error {
			return method.Verify(input, signature, verifying)
		},
	}, nil
}

// ID is the kid of the key's tokens, empty for an HMAC key.
func (k Key) ID() string { return k.id }

// Algorithm is the only algorithm that the key is used for.
func (k Key) Algorithm() Algorithm { return k.algorithm }

// PublicJWK is the public part of the key as a JWK (RFC 7517), nil for an HMAC key.
func (k Key) PublicJWK() json.RawMessage { return json.RawMessage(k.jwk) }

// Signing returns k.
func (k Key) Signing(time.Time) Key { return k }

// Verifying returns k if kid is its id.
func (k Key) Verifying(kid string, _ time.Time) (Key, bool) { return k, kid == k.id }

// String names the algorithm and the id of the key.
func (k Key) String() string {
	switch {
	case k.algorithm == "":
		return "no key"
	case k.id == "":
		return string(k.algorithm) + " key"
	default:
		return string(k.algorithm) + " key " + k.id
	}
}

// Format writes String for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue is String, for slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
