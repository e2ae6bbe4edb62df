package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"usher/internal/seal"
	"usher/internal/seal/sealtest"
)

// TestPublishedVector is the HS256 example of RFC 7515 Appendix A.1.
func TestPublishedVector(t *testing.T) {
	const (
		k     = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"
		input = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9" +
			".eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
		want = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
	)
	secret, err := base64.RawURLEncoding.DecodeString(k)
	if err != nil {
		t.Fatal(err)
	}
	key := newRawKey(t, secret)
	signature, err := key.sign(input)
	if err != nil {
		t.Fatal(err)
	}
	if got := base64.RawURLEncoding.EncodeToString(signature); got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	if err := key.verify(input, signature); err != nil {
		t.Errorf("the signature does not verify: %v", err)
	}
	// It is a valid JWS, but not an access token.
	_, err = newTestAuthority(t, key, testNow).Verify(input + "." + want)
	if !errors.Is(err, ErrInvalid) {
		t.Errorf("Verify = %v, want ErrInvalid", err)
	}
}

// TestPreviousSecret verifies tokens that were signed with the previous secret, until it ends, and tokens of neither.
func TestPreviousSecret(t *testing.T) {
	const before, stranger = "Zk3Xp9Wc1Vb7Nm5Qa8Ls2Df6Gh4Jt0Ry", "Hn5Yt2Kq8Rz1Lw6Cv9Xb3Mj7Pf4Sd0Ga"
	key := func(secrets *seal.Secrets) Key {
		key, err := NewHMACKey(secrets)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	secrets := sealtest.Secrets(string(testSecret), before)
	current := newTestAuthority(t, key(secrets), testNow)
	sign := func(k Key) string {
		raw, err := newTestAuthority(t, k, testNow).Sign(testClaims)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	check := func(name, raw string, want bool) {
		t.Helper()
		if _, err := current.VerifyAny(raw); (err == nil) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	check("current", sign(key(secrets)), true)
	check("signed with the current one only", sign(newTestKey(t)), true)
	previous := sign(key(sealtest.Secrets(before)))
	check("previous", previous, true)
	check("another", sign(key(sealtest.Secrets(stranger))), false)
	secrets.EndPrevious(time.Now())
	check("previous, after its end", previous, false)
	check("current, after that", sign(key(secrets)), true)
	if _, err := NewHMACKey(nil); err == nil {
		t.Error("there is a key without a secret")
	}
}

// TestKeyPrintsNoSecret prints a key in every way that code might log it.
func TestKeyPrintsNoSecret(t *testing.T) {
	keys := map[string]struct {
		key     Key
		secrets [][]byte
	}{"HS256 key": {newRawKey(t, testSecret), [][]byte{testSecret}}}
	for _, algorithm := range published {
		key, der := newPrivateKey(t, algorithm)
		private, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			t.Fatal(err)
		}
		secrets := [][]byte{der}
		switch private := private.(type) {
		case ed25519.PrivateKey:
			secrets = append(secrets, private.Seed())
		case *ecdsa.PrivateKey:
			scalar, err := private.Bytes()
			if err != nil {
				t.Fatal(err)
			}
			secrets = append(secrets, scalar, new(big.Int).SetBytes(scalar).Append(nil, 10))
		case *rsa.PrivateKey:
			for _, n := range []*big.Int{private.D, private.Primes[0], private.Primes[1], private.Precomputed.Dp} {
				secrets = append(secrets, n.Bytes(), n.Append(nil, 10))
			}
		}
		keys[string(algorithm)+" key "+key.ID()] = struct {
			key     Key
			secrets [][]byte
		}{key, secrets}
	}
	for want, k := range keys {
		t.Run(string(k.key.Algorithm()), func(t *testing.T) { checkPrintsNoSecret(t, k.key, want, k.secrets) })
	}
	if got := fmt.Sprintf("%v", Key{}); got != "no key" {
		t.Errorf("the zero key prints as %q", got)
	}
}

func checkPrintsNoSecret(t *testing.T, key Key, want string, secrets [][]byte) {
	var traces []string
	for _, secret := range secrets {
		start := secret[:9]
		traces = append(traces,
			string(start),
			base64.StdEncoding.EncodeToString(start),
			base64.RawURLEncoding.EncodeToString(start),
			strings.TrimSuffix(strings.TrimPrefix(fmt.Sprintf("%#v", start), "[]byte{"), "}"))
		for _, verb := range []string{"%x", "%X", "%d", "%c", "%U"} {
			traces = append(traces, strings.Trim(fmt.Sprintf(verb, start), "[]"))
		}
	}

	printed := map[string]string{"String": key.String()}
	inner := struct {
		Exported   Key
		unexported Key
		pointer    *Key
		set        KeySet
	}{key, key, &key, key}
	authority := newTestAuthority(t, key, testNow)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%T"} {
		printed[verb] = fmt.Sprintf(verb, key) + fmt.Sprintf(verb, &key) +
			fmt.Sprintf(verb, inner) + fmt.Sprintf(verb, &inner) + fmt.Sprintf(verb, authority) + fmt.Sprintf(verb, *authority)
	}
	encoded, err := json.Marshal(inner)
	if err != nil {
		t.Fatal(err)
	}
	printed["JSON"] = string(encoded)
	var log bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(handler).Info("keys", slog.Any("key", key), slog.Any("pointer", &key), slog.Any("inner", inner))
	}
	printed["slog"] = log.String()

	for how, s := range printed {
		for _, trace := range traces {
			if strings.Contains(s, trace) {
				t.Errorf("%s prints the secret", how)
			}
		}
	}
	if got := fmt.Sprintf("%v, %#v, %x", key, key, key); got != strings.Join([]string{want, want, want}, ", ") {
		t.Errorf("prints as %q", got)
	}
	if !strings.Contains(log.String(), `key="`+want+`"`) || !strings.Contains(log.String(), `"key":"`+want+`"`) {
		t.Errorf("logs as %s", log.String())
	}
}

// ring is a KeySet with several keys.
type ring []Key

func (r ring) Signing(time.Time) Key { return r[len(r)-1] }

func (r ring) Verifying(kid string, _ time.Time) (Key, bool) {
	for _, k := range r {
		if k.id == kid {
			return k, true
		}
	}
	return Key{}, false
}

// newRing returns a ring with a key for each algorithm, the HMAC key first.
func newRing(t *testing.T) ring {
	t.Helper()
	keys := ring{newTestKey(t)}
	for _, algorithm := range published {
		key, _ := newPrivateKey(t, algorithm)
		keys = append(keys, key)
	}
	return keys
}

func TestRotation(t *testing.T) {
	keys := newRing(t)
	now := newTestAuthority(t, keys, testNow)
	for i, key := range keys {
		t.Run(key.String(), func(t *testing.T) {
			raw, err := newTestAuthority(t, keys[:i+1], testNow).Sign(testClaims)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := now.Verify(raw); err != nil {
				t.Errorf("after rotation: %v", err)
			}
			others := append(ring{}, keys[:i]...)
			others = append(others, keys[i+1:]...)
			if _, err := newTestAuthority(t, others, testNow).Verify(raw); !errors.Is(err, ErrInvalid) {
				t.Errorf("after retirement: %v, want ErrInvalid", err)
			}
		})
	}
}

// TestAlgorithmConfusion verifies tokens whose header names another algorithm
// than that of the key, or that another key signed.
func TestAlgorithmConfusion(t *testing.T) {
	keys := newRing(t)
	a := newTestAuthority(t, keys, testNow)
	for _, named := range keys {
		for _, signer := range keys {
			for _, alg := range []string{"none", "None", "", "HS256", "HS384", "hs256", "EdDSA", "ES256", "RS256", "PS256"} {
				header := `{"typ":"at+jwt","alg":"` + alg + `","kid":"` + named.id + `"}`
				if named.id == "" {
					header = `{"typ":"at+jwt","alg":"` + alg + `"}`
				}
				_, err := a.Verify(forge(t, signer, header, validPayload))
				if honest := named.id == signer.id && Algorithm(alg) == named.algorithm; honest != (err == nil) {
					t.Errorf("%s header, signed with the %v, for the %v: %v", alg, signer, named, err)
				}
			}
		}
	}
}

// TestPublicKeyAsSecret tries the classic algorithm confusion: HS256 with the
// public key of an RS256 key as the secret.
func TestPublicKeyAsSecret(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	honest, err := newKey("rs", jwt.SigningMethodRS256, private, &private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	forger := newRawKey(t, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	raw := forge(t, forger, `{"typ":"at+jwt","alg":"HS256","kid":"rs"}`, validPayload)
	checkVerify(t, newTestAuthority(t, honest, testNow), raw, "token: invalid: alg does not match the key")
}
