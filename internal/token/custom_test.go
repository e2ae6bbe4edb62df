package token

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// TestCustomClaims signs custom claims. Another library reads them, and Verify ignores them.
func TestCustomClaims(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	claims := testClaims
	claims.Custom = map[string]json.RawMessage{
		"https://acme.example/plan": json.RawMessage(`{"name":"<pro>","seats":9007199254740993}`),
		"email":                     json.RawMessage(`"ada@example.com"`),
		"Roles2":                    json.RawMessage(`[]`),
	}
	raw, err := a.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	parsed, _, err := jwt.NewParser(jwt.WithJSONNumber()).ParseUnverified(raw, jwt.MapClaims{})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]any{
		"https://acme.example/plan": map[string]any{"name": "<pro>", "seats": json.Number("9007199254740993")},
		"email":                     "ada@example.com",
		"Roles2":                    []any{},
		"iss":                       testIssuer,
	} {
		if diff := cmp.Diff(want, parsed.Claims.(jwt.MapClaims)[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	got, err := a.Verify(raw)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := a.Sign(testClaims)
	if err != nil {
		t.Fatal(err)
	}
	want, err := a.Verify(plain)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-without custom claims +with):\n%s", diff)
	}
}

func TestCustomClaimsRefused(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	sign := func(custom map[string]json.RawMessage) error {
		claims := testClaims
		claims.Custom = custom
		_, err := a.Sign(claims)
		return err
	}
	for _, name := range append(append([]string{"Sub", "ROLES", "Scope"}, claimNames...), reserved...) {
		if !Reserved(name) {
			t.Errorf("%s is not reserved", name)
		}
		if err := sign(map[string]json.RawMessage{"plan": json.RawMessage(`1`), name: json.RawMessage(`"x"`)}); err == nil {
			t.Errorf("%s was signed", name)
		}
	}
	for _, name := range []string{"email", "name", "plan", "groups", "permissions", "https://acme.example/sub"} {
		if Reserved(name) {
			t.Errorf("%s is reserved", name)
		}
	}
	many := map[string]json.RawMessage{}
	for i := range MaxCustomClaims {
		many[fmt.Sprint("claim", i)] = json.RawMessage(`1`)
	}
	if err := sign(many); err != nil {
		t.Errorf("%d claims: %v", len(many), err)
	}
	many["email_verified"] = json.RawMessage(`false`)
	if err := sign(many); err != nil {
		t.Errorf("%d claims and email_verified: %v", MaxCustomClaims, err)
	}
	for _, value := range []string{`"true"`, `"false"`, `null`, `1`, `{}`, ` true`} {
		if err := sign(map[string]json.RawMessage{"email_verified": json.RawMessage(value)}); err == nil {
			t.Errorf("email_verified was signed as %s", value)
		}
	}
	many["one-more"] = json.RawMessage(`1`)
	if err := sign(many); err == nil {
		t.Errorf("%d claims were signed", len(many))
	}
	if err := sign(map[string]json.RawMessage{"x": json.RawMessage(`"` + strings.Repeat("x", maxSize) + `"`)}); err == nil {
		t.Error("a token was signed that no server accepts")
	}
}

// TestEmailVerified checks that Verify reads the claim, also from its cache, and that no other value and no other
// spelling passes for it.
func TestEmailVerified(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	for value, want := range map[string]bool{"": false, "false": false, "true": true} {
		claims := testClaims
		if value != "" {
			claims.Custom = map[string]json.RawMessage{"email_verified": json.RawMessage(value)}
		}
		claims.EmailVerified = !want // Sign ignores it
		raw, err := a.Sign(claims)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := a.Verify(raw); err != nil || got.EmailVerified != want {
				t.Errorf("%q is read as %v (%v), want %t", value, got, err, want)
			}
		}
	}
	for _, text := range []string{`{"email_verified":"true"}`, `{"email_verified":1}`, `{"email_verified":null}`} {
		m := readMembers([]byte(text), claimNames)
		if got := m.boolean(emailVerified); got || m.err == nil {
			t.Errorf("%s is read as %t (%v)", text, got, m.err)
		}
	}
	if m := readMembers([]byte(`{"Email_Verified":true}`), claimNames); m.err == nil {
		t.Error("another spelling is accepted")
	}
}

// TestCustomClaimsVerify checks that a token with as many custom claims as possible is valid.
func TestCustomClaimsVerify(t *testing.T) {
	if n := len(claimNames) + MaxCustomClaims; n > maxMembers {
		t.Errorf("a token may have %d members, and Verify rejects more than %d", n, maxMembers)
	}
}
