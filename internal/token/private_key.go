package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// minRSABits is the minimum size of an RS256 key (RFC 7518 §3.3), and the size of generated keys.
const minRSABits = 2048

var errNotPrivateKey = errors.New("token: not a PKCS #8 private key for this algorithm")

// GeneratePrivateKey returns a new private key as PKCS #8 in DER. Private keys leave this package in no
// other form. It returns an error for HS256, whose key is derived by [NewHMACKey].
func GeneratePrivateKey(a Algorithm) ([]byte, error) {
	var (
		private crypto.Signer
		err     error
	)
	switch a {
	case EdDSA:
		_, private, err = ed25519.GenerateKey(nil)
	case ES256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case RS256:
		private, err = rsa.GenerateKey(rand.Reader, minRSABits)
	default:
		err = fmt.Errorf("%q has no private keys", a)
	}
	if err != nil {
		return nil, fmt.Errorf("token: generate key: %w", err)
	}
	return x509.MarshalPKCS8PrivateKey(private)
}

// ParsePrivateKey parses a key of [GeneratePrivateKey] for the same algorithm. Its ID is the SHA-256
// thumbprint of its public part (RFC 7638).
func ParsePrivateKey(a Algorithm, der []byte) (Key, error) {
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return Key{}, errNotPrivateKey
	}
	switch private := private.(type) {
	case ed25519.PrivateKey:
		if a == EdDSA {
			return newPublishedKey(jwt.SigningMethodEdDSA, private)
		}
	case *ecdsa.PrivateKey:
		if a == ES256 && private.Curve == elliptic.P256() {
			return newPublishedKey(jwt.SigningMethodES256, private)
		}
	case *rsa.PrivateKey:
		if a == RS256 && private.N.BitLen() >= minRSABits {
			return newPublishedKey(jwt.SigningMethodRS256, private)
		}
	}
	return Key{}, errNotPrivateKey
}

// newPublishedKey returns a key with a public part.
func newPublishedKey(method jwt.SigningMethod, private crypto.Signer) (Key, error) {
	public, err := newJWK(Algorithm(method.Alg()), private.Public())
	if err != nil {
		return Key{}, err
	}
	encoded, err := public.MarshalJSON()
	if err != nil {
		return Key{}, fmt.Errorf("token: JWK: %w", err)
	}
	key, err := newKey(public.KeyID, method, private, public.Key)
	key.jwk = string(encoded)
	return key, err
}

// newJWK returns the JWK of a public key.
func newJWK(a Algorithm, public crypto.PublicKey) (jose.JSONWebKey, error) {
	jwk := jose.JSONWebKey{Key: public, Algorithm: string(a), Use: "sig"}
	thumbprint, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("token: thumbprint: %w", err)
	}
	jwk.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	return jwk, nil
}
