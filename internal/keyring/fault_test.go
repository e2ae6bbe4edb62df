package keyring_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/keyring"
	"usher/internal/seal/sealtest"
	"usher/internal/token"
)

func TestOtherSecret(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		const other = "Zk3Xp9Wc1Vb7Nm5Qa8Ls2Df6Gh4Jt0Ry"
		first := open(t, o).Signing(o.Now()).ID()
		lost := o
		lost.Secrets = sealtest.Secrets(other)
		for _, algorithm := range []token.Algorithm{token.EdDSA, token.ES256, token.HS256} {
			lost.Algorithm = algorithm
			_, err := keyring.Open(t.Context(), lost)
			var sealed *keyring.SealedError
			if !errors.As(err, &sealed) || sealed.KeyID != first || strings.Contains(err.Error(), other) ||
				!strings.Contains(err.Error(), "another server secret") || !strings.Contains(err.Error(), "retire --force -- "+first) {
				t.Errorf("Open with another secret: %v", err)
			}
		}
		lost.Algorithm = token.EdDSA
		var sealed *keyring.SealedError
		if _, err := keyring.Rotate(t.Context(), lost, 0); !errors.As(err, &sealed) {
			t.Errorf("Rotate with another secret: %v", err)
		}
		checkStates(t, lost, first+" signing")

		// The command in the error resolves the problem.
		if err := keyring.Retire(t.Context(), lost, first, true); err != nil {
			t.Fatal(err)
		}
		second := open(t, lost).Signing(o.Now()).ID()
		checkStates(t, o, second+" signing", first+" retired")
	})
}

// TestTampered modifies records in the database. No replica may start with them. Running replicas must
// continue with the keys that can be decrypted.
func TestTampered(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		ring := open(t, o)
		rotate(t, o, 0)
		refresh(t, ring)
		good, err := o.Store.SigningKeys(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		replace := func(r keyring.Record) {
			t.Helper()
			if err := o.Store.DeleteSigningKey(t.Context(), good[0].KeyID); err != nil {
				t.Fatal(err)
			}
			if ok, err := o.Store.CreateSigningKey(t.Context(), &r); !ok || err != nil {
				t.Fatal(ok, err)
			}
		}
		for name, spoil := range map[string]func(r *keyring.Record){
			"first byte":    func(r *keyring.Record) { r.Sealed[0] ^= 1 },
			"last byte":     func(r *keyring.Record) { r.Sealed[len(r.Sealed)-1] ^= 1 },
			"cut":           func(r *keyring.Record) { r.Sealed = r.Sealed[:len(r.Sealed)-1] },
			"one byte":      func(r *keyring.Record) { r.Sealed = r.Sealed[:1] },
			"of another":    func(r *keyring.Record) { r.Sealed = good[1].Sealed },
			"algorithm":     func(r *keyring.Record) { r.Algorithm = token.ES256 },
			"not encrypted": func(r *keyring.Record) { r.Sealed, _ = token.GeneratePrivateKey(token.EdDSA) },
		} {
			bad := good[0]
			bad.Sealed = slices.Clone(bad.Sealed)
			spoil(&bad)
			replace(bad)
			var sealed *keyring.SealedError
			if _, err := keyring.Open(t.Context(), o); !errors.As(err, &sealed) {
				t.Errorf("%s: %v", name, err)
			}
		}
		renamed := good[0]
		renamed.KeyID = "another"
		replace(renamed)
		if err := ring.Refresh(t.Context()); err == nil {
			t.Error("a key under another ID was accepted")
		}
		if got := ring.Signing(o.Now()).ID(); got != good[1].KeyID {
			t.Errorf("%s signs, want %s", got, good[1].KeyID)
		}
		checkPublished(t, ring, good[1].KeyID)
	})
}

// TestRetiredBesideSealed retires a key while another key cannot be decrypted, as after a change of the
// server's secret. A running replica must still reject the retired key.
func TestRetiredBesideSealed(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		ring := open(t, o)
		retired := ring.Signing(o.Now()).ID()
		if err := keyring.Retire(t.Context(), o, retired, true); err != nil {
			t.Fatal(err)
		}
		changed := o
		changed.Secrets = sealtest.Secrets("Kf3Pz8Qw1Xn6Vb0Tc5Ry9Lm2Jd7Hs4Ga")
		open(t, changed) // generates another key
		var sealed *keyring.SealedError
		if err := ring.Refresh(t.Context()); !errors.As(err, &sealed) {
			t.Errorf("Refresh: %v, want a SealedError with the ID of the key", err)
		}
		if _, ok := ring.Verifying(retired, o.Now()); ok {
			t.Error("the retired key still verifies")
		}
		if got := ring.Signing(o.Now()).ID(); got != "" {
			t.Errorf("%s signs, want none", got)
		}
		checkPublished(t, ring, []string{}...)
	})
}

func TestDatabaseAway(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		ring := open(t, o)
		tokens := newAuthority(t, ring, o)
		second := rotate(t, o, time.Minute).KeyID
		refresh(t, ring)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := ring.Refresh(ctx); err == nil {
			t.Error("Refresh without a database")
		}
		checkVerify(t, "without a database", tokens, signToken(t, tokens), nil)
		c.add(time.Minute)
		if got := ring.Signing(o.Now()).ID(); got != second {
			t.Errorf("%s signs, want %s", got, second)
		}
		if _, err := keyring.Open(ctx, o); err == nil {
			t.Error("Open without a database")
		}
	})
}

// TestSweep checks that keys are deleted a day after their last use.
func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		first := open(t, o).Signing(o.Now()).ID()
		second := rotate(t, o, time.Minute).KeyID
		third := rotate(t, o, time.Hour).KeyID
		retire(t, o, third)
		c.add(24*time.Hour - 1)
		fourth := rotate(t, o, 0).KeyID
		checkStates(t, o, fourth+" signing", third+" retired", second+" verifying", first+" expired")
		c.add(1)
		fifth := rotate(t, o, 0).KeyID
		checkStates(t, o, fifth+" signing", fourth+" verifying", second+" verifying", first+" expired")
		c.add(time.Minute + tail)
		sixth := rotate(t, o, 0).KeyID
		checkStates(t, o, sixth+" signing", fifth+" verifying", fourth+" expired", second+" expired")
	})
}

func TestRotateTogether(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		open(t, o)
		var (
			made     atomic.Int64
			rotating sync.WaitGroup
		)
		for range 10 {
			rotating.Go(func() {
				_, err := keyring.Rotate(t.Context(), o, 0)
				switch {
				case err == nil:
					made.Add(1)
				case !errors.Is(err, keyring.ErrRaced):
					t.Error(err)
				}
			})
		}
		rotating.Wait()
		list, err := keyring.List(t.Context(), o)
		if err != nil || len(list) != 1+int(made.Load()) || made.Load() == 0 {
			t.Errorf("%d keys, %v, want one and %d", len(list), err, made.Load())
		}
	})
}

func TestRefused(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		for _, lead := range []time.Duration{-1, 24*time.Hour + 1} {
			if _, err := keyring.Rotate(t.Context(), o, lead); !errors.Is(err, keyring.ErrLead) {
				t.Errorf("Rotate with a lead of %v: %v, want %v", lead, err, keyring.ErrLead)
			}
		}
		for name, spoil := range map[string]func(o *keyring.Options){
			"no secret":       func(o *keyring.Options) { o.Secrets = nil },
			"lower case":      func(o *keyring.Options) { o.Algorithm = "es256" },
			"other algorithm": func(o *keyring.Options) { o.Algorithm = "PS256" },
			"none":            func(o *keyring.Options) { o.Algorithm = "none" },
			"no TTL":          func(o *keyring.Options) { o.TTL = 0 },
			"no age":          func(o *keyring.Options) { o.MaxAge = keyring.Lead },
		} {
			bad := o
			spoil(&bad)
			if _, err := keyring.Open(t.Context(), bad); err == nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		checkStates(t, o)
	})
}
