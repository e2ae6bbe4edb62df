package keyring_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"usher/internal/keyring"
	"usher/internal/seal/sealtest"
)

const changed = "Zk3Xp9Wc1Vb7Nm5Qa8Ls2Df6Gh4Jt0Ry"

// TestReseal changes the secret. Servers with either order of both secrets use the keys. After Reseal, which several call at
// once, the new secret alone opens all keys, also a retired one. Tokens stay valid all the time.
func TestReseal(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		before := open(t, o)
		raw := signToken(t, newAuthority(t, before, o))
		retired := rotate(t, o, time.Hour)
		retire(t, o, retired.KeyID)
		next := rotate(t, o, time.Hour)
		first := before.Signing(o.Now()).ID()

		phase1, phase2, after := o, o, o
		phase1.Secrets = sealtest.Secrets(string(secret), changed)
		phase2.Secrets = sealtest.Secrets(changed, string(secret))
		after.Secrets = sealtest.Secrets(changed)
		accepted := func(name string, o keyring.Options) {
			t.Helper()
			checkVerify(t, name, newAuthority(t, open(t, o), o), raw, nil)
		}
		accepted("phase 1", phase1)
		accepted("phase 2", phase2)
		var sealed *keyring.SealedError
		if _, err := keyring.Open(t.Context(), after); !errors.As(err, &sealed) {
			t.Errorf("the new secret alone, too early: %v", err)
		}

		counts := make(chan int, 4)
		var all sync.WaitGroup
		for range cap(counts) {
			all.Go(func() {
				n, err := keyring.Reseal(t.Context(), phase2)
				if err != nil {
					t.Error(err)
				}
				counts <- n
			})
		}
		all.Wait()
		close(counts)
		total := 0
		for n := range counts {
			total += n
		}
		if total != 3 {
			t.Errorf("%d keys were changed, want 3", total)
		}
		accepted("phase 1, after that", phase1)
		accepted("phase 2, after that", phase2)
		accepted("the new secret alone", after)
		checkStates(t, after, next.KeyID+" published", retired.KeyID+" retired", first+" signing")
		if n, err := keyring.Reseal(t.Context(), phase2); n != 0 || err != nil {
			t.Errorf("changed again: %d, %v", n, err)
		}
		c.add(2 * time.Hour)
		if got := open(t, after).Signing(o.Now()).ID(); got != next.KeyID {
			t.Errorf("%s signs, want %s", got, next.KeyID)
		}
	})
}

// TestResealInterrupted ends Reseal after each key. Another call continues.
func TestResealInterrupted(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		open(t, o)
		for range 2 {
			rotate(t, o, time.Hour)
		}
		phase2, after := o, o
		phase2.Secrets, after.Secrets = sealtest.Secrets(changed, string(secret)), sealtest.Secrets(changed)
		for left := 3; left > 0; left-- {
			killed := phase2
			killed.Store = &killer{Store: o.Store}
			if n, err := keyring.Reseal(t.Context(), killed); n != 1 && left > 1 || left > 1 && !errors.Is(err, errKilled) {
				t.Fatalf("%d keys left: changed %d, %v", left, n, err)
			}
			open(t, phase2)
		}
		open(t, after)
	})
}

var errKilled = errors.New("killed")

// killer is a store of a server that is killed after the first key.
type killer struct {
	keyring.Store

	changed bool
}

func (k *killer) ResealSigningKey(ctx context.Context, keyID string, from, to []byte) (bool, error) {
	if k.changed {
		return false, errKilled
	}
	k.changed = true
	return k.Store.ResealSigningKey(ctx, keyID, from, to)
}
