package token

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"usher/internal/seal"
)

const (
	// tokenType is the typ header of an access token (RFC 9068 §2.1).
	tokenType = "at+jwt"

	// hmacLabel separates the HMAC key from other keys derived from the same
	// secret. A change of the label invalidates all tokens.
	hmacLabel = "usher access token HS256"
)

// KeySet contains the keys of an [Authority]. Its keys may change at any time, so
// that they can rotate. Its methods are called for every token, by several
// goroutines, and must not block.
type KeySet interface {
	// Signing returns the key for new tokens, which must also verify. It
	// returns the zero Key if there is none.
	Signing(now time.Time) Key

	// Verifying returns the key with an ID, and whether it verifies now. kid is
	// empty if a token's header has none. An ID must never change its key.
	Verifying(kid string, now time.Time) (Key, bool)
}

// Key is a key and the only algorithm to use it with (RFC 8725 §3.1). Every verb
// of fmt prints its algorithm and ID. A Key is also a [KeySet] that contains only
// itself.
//
// Only closures hold the secret. If it were a field, even behind a pointer, fmt
// would print it as a part of a struct with an unexported Key, because fmt calls
// no Format method on unexported fields.
type Key struct {
	id        string // kid; empty for an HMAC key
	algorithm Algorithm
	header    string // the header segment of every token that the key signs
	jwk       string // the public part (RFC 7517); empty for an HMAC key
	sign      func(input string) ([]byte, error)
	verify    func(input string, signature []byte) error
}

// wireHeader is the JOSE header of a token.
type wireHeader struct {
	Type      string `json:"typ"`
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid,omitempty"`
}

// NewHMACKey derives an HS256 key from the server's secret. While the secret is
// replaced, the key also verifies tokens that were signed with the previous one.
//
// The key has no ID: a kid selects one of the published keys, and this key is
// never published. So it verifies only tokens without a kid.
func NewHMACKey(secrets *seal.Secrets) (Key, error) {
	mac, err := seal.NewKey(secrets, hmacLabel)
	if err != nil {
		return Key{}, fmt.Errorf("token: %w", err)
	}
	key, err := newHeader("", HS256)
	key.sign = func(input string) ([]byte, error) { return mac.MAC([]byte(input)), nil }
	key.verify = func(input string, signature []byte) error {
		if !mac.VerifyMAC([]byte(input), signature) {
			return jwt.ErrSignatureInvalid
		}
		return nil
	}
	return key, err
}

// newKey returns a key. signing and verifying are the arguments of the method.
func newKey(id string, method jwt.SigningMethod, signing, verifying any) (Key, error) {
	key, err := newHeader(id, Algorithm(method.Alg()))
	key.sign = func(input string) ([]byte, error) { return method.Sign(input, signing) }
	key.verify = func(input string, signature []byte) error { return method.Verify(input, signature, verifying) }
	return key, err
}

// newHeader returns a key that can neither sign nor verify yet.
func newHeader(id string, algorithm Algorithm) (Key, error) {
	header, err := json.Marshal(wireHeader{Type: tokenType, Algorithm: string(algorithm), KeyID: id})
	if err != nil {
		return Key{}, fmt.Errorf("token: header: %w", err)
	}
	return Key{id: id, algorithm: algorithm, header: base64.RawURLEncoding.EncodeToString(header)}, nil
}

// ID returns the kid of the key's tokens. It is empty for an HMAC key.
func (k Key) ID() string { return k.id }

// Algorithm returns the only algorithm that the key is used with.
func (k Key) Algorithm() Algorithm { return k.algorithm }

// PublicJWK returns the public part of the key as a JWK (RFC 7517). It is empty
// for an HMAC key.
func (k Key) PublicJWK() json.RawMessage { return json.RawMessage(k.jwk) }

// Signing returns k.
func (k Key) Signing(time.Time) Key { return k }

// Verifying returns k, and whether kid is its ID.
func (k Key) Verifying(kid string, _ time.Time) (Key, bool) { return k, kid == k.id }

// String returns the algorithm and the ID of the key.
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

// Format implements fmt.Formatter. It writes String for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue implements slog.LogValuer.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }
