package keyring_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"usher/internal/keyring"
	"usher/internal/token"
)

// unseal decrypts a record without the package, which fixes the format. If it fails, servers cannot read
// their keys after an upgrade. It returns the private key and the encryption key.
func unseal(t *testing.T, r keyring.Record) (der, sealKey []byte) {
	t.Helper()
	sealKey, err := hkdf.Key(sha256.New, secret, nil, "usher signing keys AES-256-GCM", 32)
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(sealKey)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	der, err = aead.Open(nil, r.Sealed[:12], r.Sealed[12:], []byte(r.KeyID+"."+string(r.Algorithm)))
	if err != nil {
		t.Fatal(err)
	}
	return der, sealKey
}

// privateParts returns the secret numbers of a private key.
func privateParts(t *testing.T, der []byte) [][]byte {
	t.Helper()
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	switch private := private.(type) {
	case ed25519.PrivateKey:
		return [][]byte{private.Seed()}
	case *ecdsa.PrivateKey:
		scalar, err := private.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		return [][]byte{scalar}
	case *rsa.PrivateKey:
		return [][]byte{private.D.Bytes(), private.Primes[0].Bytes(), private.Primes[1].Bytes()}
	default:
		t.Fatalf("unknown type of private key %T", private)
		return nil
	}
}

// TestPrintsNoSecret searches for private keys and encryption keys in all output of this package.
func TestPrintsNoSecret(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		var out bytes.Buffer
		o.Log = slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
		var rings []*keyring.Keyring
		for _, algorithm := range []token.Algorithm{token.EdDSA, token.ES256, token.RS256, token.HS256} {
			o.Algorithm = algorithm
			rings = append(rings, open(t, o))
		}
		records, err := o.Store.SigningKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(records) != 3 {
			t.Fatalf("%d keys, want 3", len(records))
		}
		secrets := [][]byte{secret}
		for _, r := range records {
			der, sealKey := unseal(t, r)
			if key, err := token.ParsePrivateKey(r.Algorithm, der); err != nil || key.ID() != r.KeyID {
				t.Errorf("%s is sealed as %v, %v", r.KeyID, key, err)
			}
			secrets = append(append(secrets, sealKey, der), privateParts(t, der)...)
		}

		for _, ring := range rings {
			refresh(t, ring)
			inner := struct {
				ring *keyring.Keyring
				Ring *keyring.Keyring
			}{ring, ring}
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%d"} {
				fmt.Fprintf(&out, verb, ring)
				fmt.Fprintf(&out, verb, inner)
				fmt.Fprintf(&out, verb, records)
			}
			if err := json.NewEncoder(&out).Encode(inner); err != nil {
				t.Fatal(err)
			}
			o.Log.Info("ring", "ring", ring, "inner", inner, "key", ring.Signing(o.Now()))
			out.Write(ring.JWKS())
		}
		for _, s := range secrets {
			start := s[:9]
			for _, trace := range []string{
				string(start), fmt.Sprintf("%x", start), fmt.Sprintf("%X", start), strings.Trim(fmt.Sprintf("%d", start), "[]"),
				strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", start), "[]byte{"), "}"),
				base64.StdEncoding.EncodeToString(start), base64.RawURLEncoding.EncodeToString(start),
			} {
				if strings.Contains(out.String(), trace) {
					t.Errorf("the output contains the secret %s", trace)
				}
			}
		}
		if !strings.Contains(out.String(), "created signing key") {
			t.Error("the log does not mention new keys")
		}
	})
}
