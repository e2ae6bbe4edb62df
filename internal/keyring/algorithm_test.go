package keyring_test

import (
	"errors"
	"testing"

	"usher/internal/keyring"
	"usher/internal/token"
)

func TestOtherAlgorithm(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		old := open(t, o)
		first := old.Signing(o.Now()).ID()

		changed := o
		changed.Algorithm = token.ES256
		ring := open(t, changed)
		ids := published(t, ring)
		if len(ids) != 2 || ids[1] != first {
			t.Fatalf("published: %v, want a new one and %s", ids, first)
		}
		second := ids[0]
		checkStates(t, o, second+" published", first+" signing")

		// Replicas with both settings must not alternate between the algorithms.
		for range 3 {
			refresh(t, old)
			refresh(t, ring)
			open(t, changed)
		}
		checkStates(t, o, second+" published", first+" signing")
		raw := signToken(t, newAuthority(t, ring, o))
		c.add(keyring.Lead)
		for _, replica := range []*keyring.Keyring{old, ring} {
			if got := replica.Signing(o.Now()); got.Algorithm() != token.ES256 {
				t.Errorf("%v signs", got)
			}
			checkVerify(t, "of the key before", newAuthority(t, replica, o), raw, nil)
		}
	})
}

func TestHS256(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		before := open(t, o)
		first := before.Signing(o.Now()).ID()
		public := signToken(t, newAuthority(t, before, o))

		symmetric := o
		symmetric.Algorithm = token.HS256
		ring := open(t, symmetric)
		tokens := newAuthority(t, ring, o)
		if key := ring.Signing(o.Now()); key.Algorithm() != token.HS256 || key.ID() != "" {
			t.Errorf("%v signs", key)
		}
		derived, err := token.NewHMACKey(secret)
		if err != nil {
			t.Fatal(err)
		}
		known, err := token.New(token.Options{Issuer: "issuer", Audience: "audience", Keys: derived, TTL: ttl, Now: o.Now})
		if err != nil {
			t.Fatal(err)
		}
		private := signToken(t, tokens)
		checkVerify(t, "with the key of the secret", known, private, nil)
		checkVerify(t, "of its own", tokens, private, nil)
		checkVerify(t, "of the key before", tokens, public, nil)
		checkStates(t, symmetric, first+" verifying")
		checkPublished(t, ring, first)

		if _, err := keyring.Rotate(t.Context(), symmetric, 0); !errors.Is(err, keyring.ErrSymmetric) {
			t.Errorf("Rotate: %v, want %v", err, keyring.ErrSymmetric)
		}
		for _, replica := range []*keyring.Keyring{before, open(t, o)} {
			checkVerify(t, "of HS256 under another setting", newAuthority(t, replica, o), private, token.ErrInvalid)
		}
		retire(t, symmetric, first)
		refresh(t, ring)
		checkVerify(t, "of a retired key", tokens, public, token.ErrInvalid)
		if string(ring.JWKS()) != `{"keys":[]}` {
			t.Errorf("published: %s", ring.JWKS())
		}
		checkVerify(t, "of its own", tokens, signToken(t, tokens), nil)
	})
}
