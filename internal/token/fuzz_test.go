package token

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// FuzzVerify verifies arbitrary tokens. None may panic. Only tokens identical
// to a signed one may be accepted.
func FuzzVerify(f *testing.F) {
	key := newRawKey(f, testSecret)
	a := newTestAuthority(f, key, testNow)
	valid := forge(f, key, validHeader, validPayload)
	f.Add(valid)
	f.Add("")
	f.Add("..")
	f.Add("e30.e30.")
	f.Add(valid[:len(valid)-1])
	f.Add(forge(f, key, `{"typ":"at+jwt","alg":"none"}`, validPayload))
	f.Fuzz(func(t *testing.T, raw string) {
		claims, err := a.Verify(raw)
		if err != nil {
			if errors.Is(err, ErrExpired) == errors.Is(err, ErrInvalid) {
				t.Fatalf("%v is not exactly one of ErrExpired, ErrInvalid", err)
			}
			return
		}
		checkAccepted(t, a, raw, claims)
	})
}

// FuzzSigned verifies correctly signed tokens with arbitrary content, to reach the
// code after the signature check.
func FuzzSigned(f *testing.F) {
	key := newRawKey(f, testSecret)
	a := newTestAuthority(f, key, testNow)
	f.Add(validHeader, validPayload)
	f.Add(`{"alg":"HS256","typ":"application/at+jwt","x":{"y":["}"]}}`, validPayload)
	f.Add(validHeader, strings.Replace(validPayload, `"https://api.example"`, `["a","https://api.example"]`, 1))
	f.Add(validHeader, strings.Replace(validPayload, `"exp"`, `"Exp":1,"exp"`, 1))
	f.Add(validHeader, strings.Replace(validPayload, `"sub":"u"`, `"sub":"\ud800\"\\"`, 1))
	f.Add(`{}`, `{}`)
	f.Fuzz(func(t *testing.T, header, payload string) {
		raw := forge(t, key, header, payload)
		if claims, err := a.Verify(raw); err == nil {
			checkAccepted(t, a, raw, claims)
		}
	})
}

// checkAccepted checks a token that Verify accepts. A second call must return
// the same claims. golang-jwt with all of its checks must accept the token too
// and read the same claims.
func checkAccepted(t *testing.T, a *Authority, raw string, claims *Claims) {
	t.Helper()
	again, err := a.Verify(raw)
	if err != nil {
		t.Fatalf("rejected the second time: %v", err)
	}
	if diff := cmp.Diff(claims, again); diff != "" {
		t.Fatalf("other claims the second time: %s", diff)
	}
	if claims.Issuer != testIssuer || claims.Audience != testAudience {
		t.Fatalf("issuer %q, audience %q", claims.Issuer, claims.Audience)
	}

	other := jwt.MapClaims{}
	_, err = jwt.ParseWithClaims(raw, other, func(*jwt.Token) (any, error) { return testSecret, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithStrictDecoding(), jwt.WithTimeFunc(a.now),
		jwt.WithIssuer(testIssuer), jwt.WithAudience(testAudience), jwt.WithLeeway(a.leeway),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt())
	if err != nil {
		t.Fatalf("golang-jwt rejects it: %v", err)
	}
	for name, value := range map[string]string{
		"sub": claims.Subject, "sid": claims.SessionID, "client_id": claims.ClientID, "jti": claims.ID,
	} {
		if other[name] != value {
			t.Fatalf("%s: %q, golang-jwt reads %q", name, value, other[name])
		}
	}
	roles, err := json.Marshal(claims.Roles)
	if err != nil {
		t.Fatal(err)
	}
	otherRoles, err := json.Marshal(other["roles"])
	if err != nil {
		t.Fatal(err)
	}
	if string(roles) != string(otherRoles) {
		t.Fatalf("roles: %s, golang-jwt reads %s", roles, otherRoles)
	}
}
