package token

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"usher/internal/seal/sealtest"
)

// The authority of the tests. Its clock always shows testNow.
const (
	testIssuer   = "https://auth.example"
	testAudience = "https://api.example"
	testResource = "https://reports.example" // another audience that it signs for
	testTTL      = 15 * time.Minute
)

var (
	testNow    = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) // 1772366400
	testSecret = []byte("q7Vd2Lk0ZtB9xWmY5nRfHc8JsPe4UaGi")
	testClaims = Claims{
		Subject:   "0199f0c5-user",
		SessionID: "0199f0c5-session",
		ClientID:  "usher",
		ID:        "0199f0c5-token",
		AuthTime:  testNow.Add(-time.Hour),
		Methods:   []string{"pwd"},
		Roles:     []string{"USER", "ADMIN"},
	}
)

func newTestKey(tb testing.TB) Key {
	tb.Helper()
	key, err := NewHMACKey(sealtest.Secrets(string(testSecret)))
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// newRawKey returns an HS256 key with these bytes, without derivation.
func newRawKey(tb testing.TB, secret []byte) Key {
	tb.Helper()
	key, err := newKey("", jwt.SigningMethodHS256, secret, secret)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// newTestAuthority returns an authority whose clock always shows now.
func newTestAuthority(tb testing.TB, keys KeySet, now time.Time) *Authority {
	tb.Helper()
	a, err := New(Options{
		Issuer:    testIssuer,
		Audience:  testAudience,
		Resources: []string{testResource, "my-api"},
		Keys:      keys,
		TTL:       testTTL,
		Now:       func() time.Time { return now },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return a
}

// forge signs an arbitrary header and payload.
func forge(tb testing.TB, key Key, header, payload string) string {
	tb.Helper()
	input := encode(header) + "." + encode(payload)
	signature, err := key.sign(input)
	if err != nil {
		tb.Fatal(err)
	}
	return input + "." + encode(string(signature))
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestRoundTrip(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	raw, err := a.Sign(testClaims)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Verify(raw)
	if err != nil {
		t.Fatal(err)
	}
	want := testClaims
	want.Issuer = testIssuer
	want.Audience = testAudience
	want.IssuedAt = testNow
	want.ExpiresAt = testNow.Add(a.TTL())
	if diff := cmp.Diff(want, *got); diff != "" {
		t.Error(diff)
	}
}

// TestWireForm fixes the format with a token that other tools have signed. If it
// fails, an upgrade invalidates tokens in use.
func TestWireForm(t *testing.T) {
	const want = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9." +
		"eyJpc3MiOiJodHRwczovL2F1dGguZXhhbXBsZSIsImF1ZCI6Imh0dHBzOi8vYXBpLmV4YW1wbGUiLCJzdWIiOiIw" +
		"MTk5ZjBjNS11c2VyIiwic2lkIjoiMDE5OWYwYzUtc2Vzc2lvbiIsImNsaWVudF9pZCI6InVzaGVyIiwiaWF0Ijox" +
		"NzcyMzY2NDAwLCJleHAiOjE3NzIzNjczMDAsImp0aSI6IjAxOTlmMGM1LXRva2VuIiwiYXV0aF90aW1lIjoxNzcy" +
		"MzYyODAwLCJyb2xlcyI6WyJVU0VSIiwiQURNSU4iXX0." +
		"e4die_RdrJPcH2PhULmC6cqNMBCVn2b4pTKZidDehEI"
	a := newTestAuthority(t, newTestKey(t), testNow)
	claims := testClaims
	claims.Methods = nil // which earlier releases did not have
	got, err := a.Sign(claims)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSignDecidesTheReservedClaims(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	c := testClaims
	c.Issuer = "https://evil.example"
	c.IssuedAt = testNow.AddDate(-1, 0, 0)
	c.ExpiresAt = testNow.AddDate(10, 0, 0)
	raw, err := a.Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := a.Verify(raw)
	if err != nil {
		t.Fatal(err)
	}
	if got.Issuer != testIssuer || got.Audience != testAudience ||
		!got.IssuedAt.Equal(testNow) || !got.ExpiresAt.Equal(testNow.Add(testTTL)) {
		t.Errorf("the token has claims that the caller must not set: %+v", got)
	}
}

func TestSignMakesDistinctIDs(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	c := testClaims
	c.ID, c.Roles = "", nil
	seen := map[string]bool{}
	for range 100 {
		raw, err := a.Sign(c)
		if err != nil {
			t.Fatal(err)
		}
		got, err := a.Verify(raw)
		if err != nil {
			t.Fatal(err)
		}
		if seen[got.ID] {
			t.Fatalf("jti occurs twice")
		}
		seen[got.ID] = true
	}
}

func TestSignRefuses(t *testing.T) {
	tests := map[string]func(*Claims){
		"no subject":             func(c *Claims) { c.Subject = "" },
		"no session":             func(c *Claims) { c.SessionID = "" },
		"no client":              func(c *Claims) { c.ClientID = "" },
		"no authentication time": func(c *Claims) { c.AuthTime = time.Time{} },
		"unknown audience":       func(c *Claims) { c.Audience = "https://other.example" },
		"audience with a slash":  func(c *Claims) { c.Audience = testResource + "/" },
		"audience in capitals":   func(c *Claims) { c.Audience = "MY-API" },
		"too large":              func(c *Claims) { c.Roles = []string{strings.Repeat("R", maxSize)} },
	}
	a := newTestAuthority(t, newTestKey(t), testNow)
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			c := testClaims
			spoil(&c)
			if raw, err := a.Sign(c); err == nil || raw != "" {
				t.Errorf("Sign = %q, %v; want an error", raw, err)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	tests := map[string]func(*Options){
		"no issuer":        func(o *Options) { o.Issuer = "" },
		"no audience":      func(o *Options) { o.Audience = "" },
		"no keys":          func(o *Options) { o.Keys = nil },
		"zero key":         func(o *Options) { o.Keys = Key{} },
		"no TTL":           func(o *Options) { o.TTL = 0 },
		"negative TTL":     func(o *Options) { o.TTL = -time.Hour },
		"negative leeway":  func(o *Options) { o.Leeway = -time.Second },
		"excessive leeway": func(o *Options) { o.Leeway = 31 * time.Second },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			o := Options{Issuer: testIssuer, Audience: testAudience, Keys: newTestKey(t), TTL: testTTL}
			if _, err := New(o); err != nil {
				t.Fatal(err)
			}
			spoil(&o)
			if _, err := New(o); err == nil {
				t.Error("New succeeded, want an error")
			}
		})
	}
}

func TestNewDefaults(t *testing.T) {
	a, err := New(Options{Issuer: testIssuer, Audience: testAudience, Keys: newTestKey(t), TTL: testTTL})
	if err != nil {
		t.Fatal(err)
	}
	if a.leeway != 30*time.Second {
		t.Errorf("leeway %v, want 30 s", a.leeway)
	}
	raw, err := a.Sign(testClaims)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.Verify(raw); err != nil {
		t.Errorf("with the system's clock: %v", err)
	}
}

func TestExpiry(t *testing.T) {
	key := newTestKey(t)
	raw, err := newTestAuthority(t, key, testNow).Sign(testClaims)
	if err != nil {
		t.Fatal(err)
	}
	end := testNow.Add(testTTL + MaxLeeway)
	tests := []struct {
		name string
		now  time.Time
		want error
	}{
		{"at once", testNow, nil},
		{"on a clock that is 30 s behind", testNow.Add(-MaxLeeway), nil},
		{"on a clock that is further behind", testNow.Add(-MaxLeeway - 1), ErrInvalid},
		{"last moment", end.Add(-1), nil},
		{"first moment after", end, ErrExpired},
		{"years later", end.AddDate(5, 0, 0), ErrExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := newTestAuthority(t, key, tt.now).Verify(raw)
			if !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

// TestTampering changes each byte of a token. The cache contains the original token.
func TestTampering(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	raw, err := a.Sign(testClaims)
	if err != nil {
		t.Fatal(err)
	}
	checkVerify(t, a, raw, "")
	for i := range raw {
		for _, c := range []byte("A_.=\n\x00") {
			forged := []byte(raw)
			forged[i] = c
			if bytes.Equal(forged, []byte(raw)) {
				continue
			}
			if _, err := a.Verify(string(forged)); !errors.Is(err, ErrInvalid) {
				t.Fatalf("byte %d set to %q: %v, want ErrInvalid", i, c, err)
			}
		}
	}
}

func BenchmarkSign(b *testing.B) {
	a := newTestAuthority(b, newTestKey(b), testNow)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Sign(testClaims); err != nil {
			b.Fatal(err)
		}
	}
}
