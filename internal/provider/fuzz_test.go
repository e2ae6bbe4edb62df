package provider

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/mail"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/golang-jwt/jwt/v5"

	"usher/internal/jsonobject"
)

// FuzzParse checks that settings that were read are complete: reading changes nothing more, and New takes them.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[{"id":"a","name":"A","issuer":"https://a.example","clientId":"x","scopes":["openid"],"signup":false,"parameters":{"prompt":"login"}}]`,
		`[{"id":"a","name":"A","type":"oauth2","clientId":"x","authorizationEndpoint":"https://a.example","tokenEndpoint":"https://a.example","userinfoEndpoint":"https://a.example","claims":{"subject":"id"}}]`,
		`[{"id":"e","name":"E","type":"entra","issuer":"https://login.microsoftonline.com/common/v2.0","clientId":"x","tenants":["72f988bf-86f1-41af-91ab-2d7cd011db47"]}]`,
		`[{"id":"a","name":"A","type":"github","clientId":"x","clientSecretFile":"f"},{"id":"b"}]`, `[],"x":[]`, `{}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := Parse(text)
		if err != nil {
			if list != nil {
				t.Errorf("settings and the error %v", err)
			}
			return
		}
		again, problems := complete(list)
		if len(problems) > 0 || len(list) > 0 && !reflect.DeepEqual(list, again) {
			t.Errorf("%+v becomes %+v, %v", list, again, problems)
		}
		ids := map[string]bool{}
		for _, s := range list {
			if ids[s.ID] || !validID.MatchString(s.ID) || s.LinkByEmail && !s.TrustEmail ||
				!strings.HasPrefix(s.Issuer, "https://") && !s.AllowPrivateAddresses {
				t.Errorf("%+v was accepted", s)
			}
			ids[s.ID] = true
		}
	})
}

// FuzzAppleName checks what of the parameter user can become a name.
func FuzzAppleName(f *testing.F) {
	for _, seed := range []string{`{"name":{"firstName":"Ada","lastName":"Lovelace"},"email":"ada@example.com"}`, `{"name":{}}`, `{"name":"x"}`, `[]`, `{"name":{"firstName":"\u0000"}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := appleName(text)
		if err != nil && name != "" || !isName(name) {
			t.Errorf("the name %q, %v", name, err)
		}
	})
}

func isName(name string) bool {
	return utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxName && strings.IndexFunc(name, unicode.IsControl) < 0 && strings.TrimSpace(name) == name
}

// FuzzGitHub checks what of GitHub's answers can become an account.
func FuzzGitHub(f *testing.F) {
	for _, seed := range [][2]string{
		{`{"id":583231,"login":"ada","name":"Ada"}`, `[{"email":"ada@example.com","primary":true,"verified":true,"visibility":null}]`},
		{`{"id":"1"}`, `[{"email":"ada@example.com","primary":true,"verified":false}]`},
		{`{"id":1e3}`, `{"message":"Not Found"}`},
		{`{"id":99999999999999999999}`, `[],"emails":[]`},
		{`{"id":1,"id":2}`, `[1]`},
	} {
		f.Add([]byte(seed[0]), []byte(seed[1]))
	}
	f.Fuzz(func(t *testing.T, user, emails []byte) {
		if i, err := readGitHubUser(user); err == nil {
			if strings.Trim(i.Subject, "0123456789") != "" || strings.HasPrefix(i.Subject, "0") || !isSubject(i.Subject) || !isName(i.Name) || i.Email != "" {
				t.Errorf("%s becomes %+v", user, i)
			}
		} else if i != nil {
			t.Errorf("%+v, %v", i, err)
		}
		if email, err := readGitHubEmails(emails); email != "" {
			if address, bad := mail.ParseAddress(email); err != nil || bad != nil || address.Address != email || len(email) > maxEmail {
				t.Errorf("%s becomes %q, %v", emails, email, err)
			}
		}
	})
}

// FuzzDocuments checks what of a discovery document and of a JWK Set is used.
func FuzzDocuments(f *testing.F) {
	for _, seed := range []string{
		`{"issuer":"https://a.example","authorization_endpoint":"https://a.example/a","token_endpoint":"https://a.example/t","jwks_uri":"https://a.example/k","id_token_signing_alg_values_supported":["RS256","HS256","none"]}`,
		`{"issuer":"https://a.example","authorization_endpoint":"javascript:x","token_endpoint":"http://a.example/t","jwks_uri":"https://a.example/k"}`,
		`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},{"kty":"oct","k":"AAAA"},{"kty":"OKP","crv":"Ed448","x":"AA"}]}`,
	} {
		f.Add([]byte(seed))
	}
	p := &Provider{settings: Settings{Type: TypeOIDC, Issuer: "https://a.example"}.withDefaults()}
	f.Fuzz(func(t *testing.T, text []byte) {
		document, err := jsonobject.Read(text)
		if err != nil {
			return
		}
		if m, err := p.readMetadata(document); err == nil {
			for _, endpoint := range []string{m.endpoint.AuthURL, m.endpoint.TokenURL, m.keys, m.userinfo} {
				if u, err := url.Parse(endpoint); endpoint != "" && (err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil) {
					t.Errorf("the endpoint %q is used", endpoint)
				}
			}
			for _, a := range m.algorithms {
				if !slices.Contains(algorithms, a) {
					t.Errorf("the algorithm %q is allowed", a)
				}
			}
		} else if !errors.Is(err, ErrRefused) || m != nil {
			t.Errorf("%v, %v", m, err)
		}
		keys, _ := readKeys(document)
		for _, k := range keys {
			for _, a := range []string{"none", "HS256", ""} {
				if fits(k.public, a) {
					t.Errorf("a key of type %T fits %q", k.public, a)
				}
			}
		}
	})
}

// FuzzIDToken verifies any bytes, and any claims with a valid signature. What is accepted keeps the rules.
func FuzzIDToken(f *testing.F) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_800_000_000, 0)
	const issuer = "https://a.example"
	p := &Provider{
		settings: Settings{ID: "a", Type: TypeOIDC, Issuer: issuer, ClientID: "usher", Audiences: []string{"ios"}}.withDefaults(),
		now:      func() time.Time { return now }, timeout: time.Minute,
	}
	p.metadata = newCached(p.now, func(context.Context) (*metadata, error) { return &metadata{algorithms: algorithms}, nil })
	p.keys = &keySet{now: p.now, keys: newCached(p.now, func(context.Context) ([]key, error) {
		return []key{{id: "k", public: private.Public()}}, nil
	})}
	const good = `{"iss":"https://a.example","sub":"1","aud":"usher","exp":1800003600,"iat":1800000000,"nonce":"n","email":"ada@example.com","email_verified":true}`
	signed := func(payload string) string {
		head := "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ." // {"alg":"ES256","kid":"k"}
		text := head + encode([]byte(payload))
		signature, err := jwt.SigningMethodES256.Sign(text, private)
		if err != nil {
			f.Fatal(err)
		}
		return text + "." + encode(signature)
	}
	if i, err := p.VerifyIDToken(f.Context(), signed(good), "n"); err != nil || i.Subject != "1" || !i.EmailVerified {
		f.Fatalf("%+v, %v", i, err)
	}
	for _, seed := range []string{
		signed(good), strings.TrimRight(signed(good), "A"), "..", `{"payload":"","signatures":[]}`, "eyJhbGciOiJub25lIn0.e30.",
		good, strings.Replace(good, `"usher"`, `["usher","ios"],"azp":"ios"`, 1), strings.Replace(good, `"sub"`, `"sub":"2","sub"`, 1),
		strings.Replace(good, `1800003600`, `1e300`, 1), `{}`, `[]`, `null`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, raw := range []string{text, signed(text)} {
			i, err := p.VerifyIDToken(t.Context(), raw, "n")
			if err != nil {
				if i != nil || !classified(err) || len(text) > 20 && strings.Contains(err.Error(), text) {
					t.Errorf("%+v, %v", i, err)
				}
				continue
			}
			token, _, parseErr := jwt.NewParser().ParseUnverified(raw, jwt.MapClaims{})
			if parseErr != nil {
				t.Fatalf("another library cannot read it: %v", parseErr)
			}
			claims, _ := token.Claims.(jwt.MapClaims)
			if token.Method.Alg() != oidc.ES256 || claims["iss"] != issuer || claims["sub"] != i.Subject || claims["nonce"] != "n" && claims["nonce"] != sha256Hex("n") ||
				i.Issuer != issuer || !isSubject(i.Subject) || !isName(i.Name) || i.EmailVerified && i.Email == "" || i.MultiFactor {
				t.Errorf("%s becomes %+v", raw, i)
			}
			if i.ExpiresAt.Before(now.Add(-leeway)) || i.ExpiresAt.After(now.Add(maxValidity)) {
				t.Errorf("%s expires at %v", raw, i.ExpiresAt)
			}
		}
	})
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
