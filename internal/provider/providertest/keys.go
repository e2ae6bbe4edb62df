package providertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"sync"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/golang-jwt/jwt/v5"
)

// keys is the keys of an issuer at one time.
type keys struct {
	number int
	rsa    *rsa.PrivateKey
	ec     *ecdsa.PrivateKey
	ed     ed25519.PrivateKey
}

// rsaKeys are the RSA keys of the process. Making one takes long, and the servers of a test need different ones only when they
// rotate.
var rsaKeys struct {
	sync.Mutex
	byNumber map[int]*rsa.PrivateKey
}

func newKeys(t testing.TB, number int) *keys {
	t.Helper()
	rsaKeys.Lock()
	defer rsaKeys.Unlock()
	k := &keys{number: number, rsa: rsaKeys.byNumber[number]}
	var err error
	if k.rsa == nil {
		if k.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
		if rsaKeys.byNumber == nil {
			rsaKeys.byNumber = map[int]*rsa.PrivateKey{}
		}
		rsaKeys.byNumber[number] = k.rsa
	}
	k.ec = newECKey(t)
	if _, k.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		t.Fatal(err)
	}
	return k
}

func newECKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (k *keys) id(algorithm string) string { return fmt.Sprintf("%s-%d", algorithm, k.number) }

// set is the public keys as the issuer publishes them.
func (k *keys) set() jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	for _, key := range []struct {
		algorithm string
		public    crypto.PublicKey
	}{{"RS256", k.rsa.Public()}, {"ES256", k.ec.Public()}, {"EdDSA", k.ed.Public()}} {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: key.public, KeyID: k.id(key.algorithm), Algorithm: key.algorithm, Use: "sig"})
	}
	return set
}

// sign returns a JWT.
func (k *keys) sign(algorithm string, claims map[string]any, change func(map[string]any)) (string, error) {
	var (
		method jwt.SigningMethod
		key    any
	)
	id := k.id(algorithm)
	switch algorithm {
	case "RS256":
		method, key = jwt.SigningMethodRS256, k.rsa
	case "ES256":
		method, key = jwt.SigningMethodES256, k.ec
	case "EdDSA":
		method, key = jwt.SigningMethodEdDSA, k.ed
	case "none":
		method, key = jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType
	case "HS256":
		der, err := x509.MarshalPKIXPublicKey(k.rsa.Public())
		if err != nil {
			return "", err
		}
		id = k.id("RS256")
		method, key = jwt.SigningMethodHS256, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	default:
		return "", fmt.Errorf("no algorithm %q", algorithm)
	}
	token := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	token.Header["kid"] = id
	if change != nil {
		change(token.Header)
	}
	return token.SignedString(key)
}

// accessTokenHash is at_hash (OpenID Connect Core 1.0 §3.1.3.6).
func accessTokenHash(algorithm, token string) string {
	if algorithm == "EdDSA" {
		sum := sha512.Sum512([]byte(token))
		return base64.RawURLEncoding.EncodeToString(sum[:32])
	}
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
