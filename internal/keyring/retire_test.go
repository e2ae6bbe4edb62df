package keyring_test

import (
	"errors"
	"testing"
	"time"

	"usher/internal/keyring"
	"usher/internal/token"
)

func TestRetire(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		ring, other := open(t, o), open(t, o)
		tokens, otherTokens := newAuthority(t, ring, o), newAuthority(t, other, o)
		first := ring.Signing(o.Now()).ID()
		raw := signToken(t, tokens)
		checkVerify(t, "before", tokens, raw, nil)
		checkVerify(t, "before", otherTokens, raw, nil)

		refused := func(keyID string, want error) {
			t.Helper()
			if err := keyring.Retire(t.Context(), o, keyID, false); !errors.Is(err, want) {
				t.Errorf("Retire: %v, want %v", err, want)
			}
		}
		refused("unknown", keyring.ErrNoKey)
		refused("", keyring.ErrNoKey)
		refused(first, keyring.ErrSigns)
		second := rotate(t, o, time.Minute).KeyID
		refused(first, keyring.ErrSigns)
		third := rotate(t, o, time.Minute).KeyID
		checkStates(t, o, third+" published", second+" published", first+" signing")

		// A retired key never starts to sign.
		retire(t, o, third)
		c.add(time.Minute)
		checkStates(t, o, third+" retired", second+" signing", first+" verifying")
		refused(second, keyring.ErrSigns)

		retire(t, o, first)
		retire(t, o, first) // a second time
		checkStates(t, o, third+" retired", second+" signing", first+" retired")
		refresh(t, ring)
		checkVerify(t, "after the poll", tokens, raw, token.ErrInvalid)
		checkVerify(t, "before the poll", otherTokens, raw, nil)
		refresh(t, other)
		checkVerify(t, "after the poll", otherTokens, raw, token.ErrInvalid)
		checkPublished(t, ring, second)
		checkVerify(t, "of the new key", otherTokens, signToken(t, tokens), nil)
	})
}

// TestRetireForcedBack retires the signing key, so that the previous one signs again.
func TestRetireForcedBack(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		ring := open(t, o)
		first := ring.Signing(o.Now()).ID()
		second := rotate(t, o, 0).KeyID
		for _, later := range []time.Duration{time.Minute, 2 * tail} { // while the previous key verifies, and afterwards
			c.elapsed.Store(int64(later))
			refresh(t, ring)
			if got := ring.Signing(o.Now()).ID(); got != second {
				t.Fatalf("%s signs, want %s", got, second)
			}
		}
		if err := keyring.Retire(t.Context(), o, second, true); err != nil {
			t.Fatal(err)
		}
		refresh(t, ring)
		checkStates(t, o, second+" retired", first+" signing")
		checkPublished(t, ring, first)
		tokens := newAuthority(t, ring, o)
		raw := signToken(t, tokens)
		c.add(ttl)
		checkVerify(t, "of the first key", tokens, raw, nil)
	})
}

// TestRetireForced retires the only key. The first replica to poll must generate a key that signs at once.
func TestRetireForced(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		ring, other := open(t, o), open(t, o)
		first := ring.Signing(o.Now()).ID()
		raw := signToken(t, newAuthority(t, ring, o))
		if err := keyring.Retire(t.Context(), o, first, true); err != nil {
			t.Fatal(err)
		}
		c.add(time.Second)
		refresh(t, other)
		refresh(t, ring)
		second := ring.Signing(o.Now()).ID()
		checkStates(t, o, second+" signing", first+" retired")
		checkVerify(t, "of the forced key", newAuthority(t, ring, o), raw, token.ErrInvalid)
		checkVerify(t, "of the new key", newAuthority(t, ring, o), signToken(t, newAuthority(t, other, o)), nil)
	})
}
