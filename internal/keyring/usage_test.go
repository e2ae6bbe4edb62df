package keyring_test

import (
	"testing"
	"time"

	"usher/internal/keyring"
	"usher/internal/token"
)

// TestUsage follows the age of the signing key over a rotation.
func TestUsage(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, clock *clock) {
		ring := open(t, o)
		check := func(what string, age time.Duration, number int) {
			t.Helper()
			got, ok := ring.Usage()
			if want := (keyring.Usage{Age: age, MaxAge: o.MaxAge, Number: number}); !ok || got != want {
				t.Errorf("%s: %+v, %t, want %+v", what, got, ok, want)
			}
		}
		check("the first key", 0, 1)
		clock.add(time.Hour)
		check("after an hour", time.Hour, 1)
		rotate(t, o, keyring.Lead)
		refresh(t, ring)
		check("with the next key", time.Hour, 2)
		clock.add(keyring.Lead + time.Minute)
		check("after the rotation", time.Minute, 2)
		clock.add(o.TTL + token.MaxLeeway)
		check("when the old key has expired", time.Minute+o.TTL+token.MaxLeeway, 1)
		o.Algorithm = token.HS256
		if got, ok := open(t, o).Usage(); ok {
			t.Errorf("HS256 has keys: %+v", got)
		}
	})
}
