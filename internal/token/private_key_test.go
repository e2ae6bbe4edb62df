package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
)

// published are the algorithms with a public key.
var published = []Algorithm{EdDSA, ES256, RS256}

func newPrivateKey(tb testing.TB, a Algorithm) (Key, []byte) {
	tb.Helper()
	der, err := GeneratePrivateKey(a)
	if err != nil {
		tb.Fatal(err)
	}
	key, err := ParsePrivateKey(a, der)
	if err != nil {
		tb.Fatal(err)
	}
	return key, der
}

func TestPrivateKeyRoundTrip(t *testing.T) {
	for _, algorithm := range published {
		t.Run(string(algorithm), func(t *testing.T) {
			key, der := newPrivateKey(t, algorithm)
			raw, err := newTestAuthority(t, key, testNow).Sign(testClaims)
			if err != nil {
				t.Fatal(err)
			}
			again, err := ParsePrivateKey(algorithm, der)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := newTestAuthority(t, again, testNow).Verify(raw); err != nil {
				t.Error(err)
			}
			other, _ := newPrivateKey(t, algorithm)
			if other.ID() == key.ID() || again.ID() != key.ID() || again.Algorithm() != algorithm {
				t.Errorf("%v, read again %v, another one %v", key, again, other)
			}
		})
	}
}

func TestPrivateKeyRefused(t *testing.T) {
	marshal := func(private any, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	ders := map[string][]byte{
		"empty":    nil,
		"garbage":  []byte("garbage"),
		"P-384":    marshal(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"RSA 1024": marshal(rsa.GenerateKey(rand.Reader, 1024)),
	}
	for _, algorithm := range published {
		_, ders[string(algorithm)] = newPrivateKey(t, algorithm)
	}
	ders["truncated"] = ders["ES256"][:len(ders["ES256"])-1]
	for name, der := range ders {
		for _, algorithm := range []Algorithm{HS256, EdDSA, ES256, RS256, "none", "PS256", ""} {
			key, err := ParsePrivateKey(algorithm, der)
			if honest := name == string(algorithm); honest != (err == nil) {
				t.Errorf("%s as %q: %v, %v", name, algorithm, key, err)
			}
		}
	}
	for _, algorithm := range []Algorithm{HS256, "none", "PS256", ""} {
		if _, err := GeneratePrivateKey(algorithm); err == nil {
			t.Errorf("a private key for %q", algorithm)
		}
	}
}

// TestPublicJWK checks that nothing but the public part is published.
func TestPublicJWK(t *testing.T) {
	common := []string{"kty", "use", "alg", "kid"}
	for algorithm, public := range map[Algorithm][]string{
		EdDSA: {"crv", "x"},
		ES256: {"crv", "x", "y"},
		RS256: {"n", "e"},
	} {
		t.Run(string(algorithm), func(t *testing.T) {
			key, _ := newPrivateKey(t, algorithm)
			var members map[string]string
			if err := json.Unmarshal(key.PublicJWK(), &members); err != nil {
				t.Fatal(err)
			}
			var names []string
			for name := range members {
				names = append(names, name)
			}
			want := append(slices.Clone(common), public...)
			slices.Sort(names)
			slices.Sort(want)
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if members["kid"] != key.ID() || members["alg"] != string(algorithm) || members["use"] != "sig" {
				t.Errorf("%v is published as %s", key, key.PublicJWK())
			}

			// Other implementations verify our tokens with it.
			raw, err := newTestAuthority(t, key, testNow).Sign(testClaims)
			if err != nil {
				t.Fatal(err)
			}
			var jwk jose.JSONWebKey
			if err := jwk.UnmarshalJSON(key.PublicJWK()); err != nil {
				t.Fatal(err)
			}
			signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(algorithm)})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := signed.Verify(jwk); err != nil {
				t.Error(err)
			}
			if got := signed.Signatures[0].Header.KeyID; got != key.ID() {
				t.Errorf("kid %q, want %q", got, key.ID())
			}
		})
	}
	if jwk := newTestKey(t).PublicJWK(); len(jwk) != 0 {
		t.Errorf("an HMAC key is published: %s", jwk)
	}
}

// signed are private keys from standards, and signatures of them.
var signed = []struct {
	name      string
	algorithm Algorithm
	jwk       string
	kid       string // if the standard specifies it
	input     string
	signature string
	random    bool // whether signatures are randomized
}{
	{
		name:      "RFC 8037 Appendix A.1 to A.5",
		algorithm: EdDSA,
		jwk: `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
			"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`,
		kid:       "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
		input:     "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
		signature: "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
	},
	{
		name:      "RFC 7515 Appendix A.2",
		algorithm: RS256,
		jwk: `{"kty":"RSA","e":"AQAB",
			"n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
			"d":"Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
			"p":"4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
			"q":"uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc"}`,
		input:     "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
		signature: "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
	},
	{
		name:      "RFC 7515 Appendix A.3",
		algorithm: ES256,
		jwk: `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
			"y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}`,
		input:     "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
		signature: "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
		random:    true,
	},
}

func TestPublishedSignatures(t *testing.T) {
	for _, tt := range signed {
		t.Run(tt.name, func(t *testing.T) {
			var jwk jose.JSONWebKey
			if err := json.Unmarshal([]byte(tt.jwk), &jwk); err != nil {
				t.Fatal(err)
			}
			der, err := x509.MarshalPKCS8PrivateKey(jwk.Key)
			if err != nil {
				t.Fatal(err)
			}
			key, err := ParsePrivateKey(tt.algorithm, der)
			if err != nil {
				t.Fatal(err)
			}
			if tt.kid != "" && key.ID() != tt.kid {
				t.Errorf("kid %s, want %s", key.ID(), tt.kid)
			}
			want, err := base64.RawURLEncoding.DecodeString(tt.signature)
			if err != nil {
				t.Fatal(err)
			}
			if err := key.verify(tt.input, want); err != nil {
				t.Errorf("the published signature does not verify: %v", err)
			}
			got, err := key.sign(tt.input)
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(got, want) == tt.random {
				t.Errorf("signature %x, published %x", got, want)
			}
			if err := key.verify(tt.input, got); err != nil {
				t.Errorf("our signature does not verify: %v", err)
			}
			if key.verify(tt.input+"A", want) == nil || key.verify(tt.input, want[1:]) == nil {
				t.Error("verifies a modified input")
			}
		})
	}
}

// TestPublishedThumbprint is the example of RFC 7638 §3.1.
func TestPublishedThumbprint(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	var public jose.JSONWebKey
	if err := json.Unmarshal([]byte(`{"kty":"RSA","e":"AQAB","alg":"RS256","kid":"2011-04-29","n":"`+n+`"}`), &public); err != nil {
		t.Fatal(err)
	}
	jwk, err := newJWK(RS256, public.Key)
	if err != nil {
		t.Fatal(err)
	}
	if want := "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; jwk.KeyID != want {
		t.Errorf("kid %s, want %s", jwk.KeyID, want)
	}
	if encoded, err := jwk.MarshalJSON(); err != nil || !strings.Contains(string(encoded), n) {
		t.Errorf("published as %s, %v", encoded, err)
	}
}
