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
		without := o
		without.Algorithm = ""
		follower := open(t, without)

		changed := o
		changed.Algorithm = token.ES256
		ring := open(t, changed)
		ids := published(t, ring)
		if len(ids) != 2 || ids[1] != first {
			t.Fatalf("published: %v, want a new one and %s", ids, first)
		}
		second := ids[0]
		checkStates(t, o, second+" published", first+" signing")

		// Replicas with both settings, or without one, must not alternate between the algorithms.
		for range 3 {
			refresh(t, old)
			refresh(t, follower)
			refresh(t, ring)
			open(t, changed)
			open(t, without)
		}
		checkStates(t, o, second+" published", first+" signing")
		raw := signToken(t, newAuthority(t, ring, o))
		c.add(keyring.Lead)
		for _, replica := range []*keyring.Keyring{old, follower, ring} {
			if got := replica.Signing(o.Now()); got.Algorithm() != token.ES256 {
				t.Errorf("%v signs", got)
			}
			checkVerify(t, "of the key before", newAuthority(t, replica, o), raw, nil)
		}
	})
}

// TestNoAlgorithm opens key rings without the setting, among them one of a release with the default EdDSA.
func TestNoAlgorithm(t *testing.T) {
	for _, tt := range []struct {
		name   string
		keys   []token.Algorithm // in the order of their creation
		retire int               // how many of the newest keys to retire
		want   token.Algorithm
	}{
		{"new", nil, 0, token.ES256},
		{"default of earlier releases", []token.Algorithm{token.EdDSA}, 0, token.EdDSA},
		{"RS256", []token.Algorithm{token.RS256}, 0, token.RS256},
		{"changed to ES256", []token.Algorithm{token.EdDSA, token.ES256}, 0, token.ES256},
		{"changed and reverted", []token.Algorithm{token.EdDSA, token.ES256}, 1, token.EdDSA},
		{"all retired", []token.Algorithm{token.ES256, token.EdDSA}, 2, token.EdDSA},
	} {
		t.Run(tt.name, func(t *testing.T) {
			each(t, func(t *testing.T, o keyring.Options, c *clock) {
				var made []string
				for _, algorithm := range tt.keys {
					o.Algorithm = algorithm
					open(t, o)
					made = append(made, list(t, o)[0].KeyID)
					c.add(keyring.Lead)
				}
				var before string
				if len(made) > 0 {
					before = signToken(t, newAuthority(t, open(t, o), o))
				}
				for _, kid := range made[len(made)-tt.retire:] {
					if err := keyring.Retire(t.Context(), o, kid, true); err != nil {
						t.Fatal(err)
					}
				}

				o.Algorithm = ""
				ring := open(t, o)
				if got := ring.Signing(o.Now()).Algorithm(); got != tt.want {
					t.Errorf("%s signs, want %s", got, tt.want)
				}
				wantKeys := max(len(made), 1)
				if tt.retire == len(made) && len(made) > 0 {
					wantKeys++ // it cannot sign without a new key
				}
				if got := len(list(t, o)); got != wantKeys {
					t.Errorf("%d keys, want %d", got, wantKeys)
				}
				if before != "" && tt.retire == 0 {
					checkVerify(t, "of the release before", newAuthority(t, ring, o), before, nil)
				}
				if r := rotate(t, o, keyring.Lead); r.Algorithm != tt.want {
					t.Errorf("Rotate creates a key for %s, want %s", r.Algorithm, tt.want)
				}
				rotated := list(t, o)[0].KeyID
				c.add(o.MaxAge)
				refresh(t, ring)
				if got := list(t, o)[0]; got.KeyID == rotated || got.Algorithm != tt.want {
					t.Errorf("the automatic rotation creates a key for %s, want %s", got.Algorithm, tt.want)
				}
			})
		})
	}
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
		derived, err := token.NewHMACKey(secrets)
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
