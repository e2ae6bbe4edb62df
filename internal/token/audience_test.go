package token

import (
	"errors"
	"testing"
	"time"
)

// TestAudiences signs tokens for every audience and verifies them with every method.
func TestAudiences(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	for audience, own := range map[string]bool{"": true, testAudience: true, testResource: false, "my-api": false} {
		want := audience
		if want == "" {
			want = testAudience
		}
		t.Run(want, func(t *testing.T) {
			c := testClaims
			c.Audience = audience
			user, err := a.Sign(c)
			if err != nil {
				t.Fatal(err)
			}
			client, err := a.SignClient(testClientID, audience)
			if err != nil {
				t.Fatal(err)
			}
			for range 2 { // the second time, the token may be cached
				if claims, err := a.Verify(user); own != (err == nil) || !own && !errors.Is(err, ErrInvalid) {
					t.Errorf("Verify: %v, %v", claims, err)
				}
				if claims, err := a.VerifyAny(user); err != nil || claims.Audience != want {
					t.Errorf("VerifyAny: %v, %v", claims, err)
				}
			}
			if claims, err := a.VerifyClient(client); err != nil || claims.Audience != want {
				t.Errorf("VerifyClient: %v, %v", claims, err)
			}
			for name, err := range map[string]error{
				"Verify of a client's token":       second(a.Verify(client)),
				"VerifyAny of a client's token":    second(a.VerifyAny(client)),
				"VerifyClient of a user's token":   second(a.VerifyClient(user)),
				"VerifyAny of another issuer's":    second(another(t, "https://other.example").VerifyAny(user)),
				"VerifyClient of another issuer's": second(another(t, "https://other.example").VerifyClient(client)),
			} {
				if !errors.Is(err, ErrInvalid) {
					t.Errorf("%s: %v, want ErrInvalid", name, err)
				}
			}
		})
	}
}

func second[T any](_ T, err error) error { return err }

// another returns an authority with the same keys and another issuer.
func another(t *testing.T, issuer string) *Authority {
	t.Helper()
	a, err := New(Options{Issuer: issuer, Audience: issuer, Keys: newTestKey(t), TTL: testTTL, Now: func() time.Time { return testNow }})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// TestDroppedAudience verifies a token whose audience is no longer allowed.
func TestDroppedAudience(t *testing.T) {
	c := testClaims
	c.Audience = testResource
	raw, err := newTestAuthority(t, newTestKey(t), testNow).Sign(c)
	if err != nil {
		t.Fatal(err)
	}
	a := newTestAuthority(t, newTestKey(t), testNow)
	a.resources = nil
	if claims, err := a.VerifyAny(raw); err != nil || claims.Audience != testResource {
		t.Errorf("VerifyAny: %v, %v", claims, err)
	}
	if _, err := a.Verify(raw); !errors.Is(err, ErrInvalid) {
		t.Errorf("Verify: %v, want ErrInvalid", err)
	}
	if a.Allows(testResource) {
		t.Error("tokens are still signed for it")
	}
}

// TestVerifyAnyIsVerify checks that VerifyAny rejects every token that Verify rejects, except for its audience.
func TestVerifyAnyIsVerify(t *testing.T) {
	key := newTestKey(t)
	a := newTestAuthority(t, key, testNow)
	for name, tt := range map[string]struct{ raw, want string }{
		"expired":   {forge(t, key, validHeader, edit(t, validPayload, `"exp":1772367300`, `"exp":1600000000`)), "token: expired"},
		"iss":       {forge(t, key, validHeader, edit(t, validPayload, "auth.example", "x")), "token: invalid: iss is not this issuer"},
		"no aud":    {forge(t, key, validHeader, edit(t, validPayload, `"aud":"https://api.example",`, "")), "token: invalid: a claim is missing"},
		"signature": {forge(t, key, validHeader, validPayload) + "A", "token: invalid: signature does not match"},
		"typ":       {forge(t, key, `{"typ":"JWT","alg":"HS256"}`, validPayload), "token: invalid: typ is not at+jwt"},
	} {
		if _, err := a.VerifyAny(tt.raw); err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
}
