package keyring_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"usher/internal/job"
	"usher/internal/keyring"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

// TestRotationUnderLoad signs and verifies on two replicas of one database while keys rotate every two seconds. The clock is
// simulated. No token may be rejected.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			synctest.Test(t, func(t *testing.T) { rotateUnderLoad(t, at) })
		})
	}
}

func rotateUnderLoad(t *testing.T, at string) {
	const (
		ttl       = time.Minute
		skew      = 20 * time.Second // difference of the replicas' clocks
		lead      = 40 * time.Second // exceeds a poll interval and the skew
		rotations = 100
	)
	log := slog.New(slog.DiscardHandler)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	stop := func() {
		cancel()
		running.Wait()
	}
	defer stop()

	var (
		options  []keyring.Options
		rings    []*keyring.Keyring
		replicas []*token.Authority
	)
	for i := range 2 {
		db, err := store.Open(ctx, at, store.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			stop()
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}()
		o := keyring.Options{
			Store: db, Secrets: secrets, Algorithm: token.EdDSA, MaxAge: time.Hour, TTL: ttl, Log: log,
			Now: func() time.Time { return time.Now().Add(time.Duration(i) * skew) },
		}
		ring, err := keyring.Open(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		options, rings = append(options, o), append(rings, ring)
		replicas = append(replicas, newAuthority(t, ring, o))
		running.Go(func() { job.Every(ctx, keyring.PollInterval, log, "keys", ring.Refresh) })
	}

	verify := func(raw string, signer int, age time.Duration) {
		for verifier, r := range replicas {
			if _, err := r.Verify(raw); err != nil {
				t.Errorf("replica %d rejects a token of replica %d after %v: %v", verifier, signer, age, err)
			}
		}
	}
	signers := make(map[string]bool)
	var verifying sync.WaitGroup
	sign := func(signer int) {
		signers[rings[signer].Signing(options[signer].Now()).ID()] = true
		raw := signToken(t, replicas[signer])
		verify(raw, signer, 0)
		sometime := rand.N(ttl)
		verifying.Go(func() {
			<-time.After(sometime)
			verify(raw, signer, sometime)
			<-time.After(ttl - sometime)
			verify(raw, signer, ttl)
		})
	}
	for range rotations {
		if _, err := keyring.Rotate(ctx, options[0], lead); err != nil {
			t.Fatal(err)
		}
		for range 10 {
			sign(0)
			sign(1)
			<-time.After(200 * time.Millisecond)
		}
	}
	verifying.Wait()
	if least := rotations - int(lead/(2*time.Second)); len(signers) < least {
		t.Errorf("%d keys have signed, want at least %d", len(signers), least)
	}
}
