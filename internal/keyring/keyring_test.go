package keyring_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/keyring"
	"usher/internal/seal/sealtest"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

const ttl = 15 * time.Minute

// tail is how long a token is accepted.
const tail = ttl + token.MaxLeeway

var (
	begin   = time.Date(2030, 1, 31, 23, 59, 59, 123_456_000, time.UTC)
	secret  = []byte("q7Vd2Lk0ZtB9xWmY5nRfHc8JsPe4UaGi")
	secrets = sealtest.Secrets(string(secret))
)

// clock is a clock that only a test advances.
type clock struct{ elapsed atomic.Int64 }

func (c *clock) now() time.Time { return begin.Add(time.Duration(c.elapsed.Load())) }

func (c *clock) add(d time.Duration) { c.elapsed.Add(int64(d)) }

// each runs a test on each database, with a replica's options and clock.
func each(t *testing.T, test func(t *testing.T, o keyring.Options, c *clock)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := new(clock)
		test(t, keyring.Options{
			Store: s, Secrets: secrets, Algorithm: token.EdDSA, MaxAge: 24 * time.Hour, TTL: ttl,
			Now: c.now, Log: slog.New(slog.DiscardHandler),
		}, c)
	})
}

func open(t *testing.T, o keyring.Options) *keyring.Keyring {
	t.Helper()
	ring, err := keyring.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return ring
}

func refresh(t *testing.T, ring *keyring.Keyring) {
	t.Helper()
	if err := ring.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func rotate(t *testing.T, o keyring.Options, lead time.Duration) *keyring.Record {
	t.Helper()
	r, err := keyring.Rotate(t.Context(), o, lead)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func retire(t *testing.T, o keyring.Options, keyID string) {
	t.Helper()
	if err := keyring.Retire(t.Context(), o, keyID, false); err != nil {
		t.Fatal(err)
	}
}

func newAuthority(t *testing.T, ring *keyring.Keyring, o keyring.Options) *token.Authority {
	t.Helper()
	a, err := token.New(token.Options{Issuer: "issuer", Audience: "audience", Keys: ring, TTL: o.TTL, Now: o.Now})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func signToken(t *testing.T, a *token.Authority) string {
	t.Helper()
	raw, err := a.Sign(token.Claims{Subject: "u", SessionID: "s", ClientID: "c", AuthTime: begin.AddDate(-40, 0, 0)})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// checkVerify fails the test unless Verify returns the error want for a token.
func checkVerify(t *testing.T, what string, a *token.Authority, raw string, want error) {
	t.Helper()
	if _, err := a.Verify(raw); !errors.Is(err, want) {
		t.Errorf("Verify %s: %v, want %v", what, err, want)
	}
}

func list(t *testing.T, o keyring.Options) []keyring.Status {
	t.Helper()
	keys, err := keyring.List(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// checkStates fails the test unless the keys are these, each "kid state", the newest first.
func checkStates(t *testing.T, o keyring.Options, want ...string) {
	t.Helper()
	var got []string
	for _, s := range list(t, o) {
		got = append(got, s.KeyID+" "+string(s.State))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// published returns the IDs in a JWK Set.
func published(t *testing.T, ring *keyring.Keyring) []string {
	t.Helper()
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(ring.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, jwk := range set.Keys {
		if slices.Contains(ids, jwk["kid"]) {
			t.Errorf("%s is published twice", jwk["kid"])
		}
		if jwk["use"] != "sig" || jwk["alg"] == "" {
			t.Errorf("JWK %v", jwk)
		}
		for _, private := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if jwk[private] != "" {
				t.Errorf("%q is published", private)
			}
		}
		ids = append(ids, jwk["kid"])
	}
	return ids
}

func checkPublished(t *testing.T, ring *keyring.Keyring, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, published(t, ring)); diff != "" {
		t.Errorf("published keys (-want +got):\n%s", diff)
	}
}

func TestFirstKey(t *testing.T) {
	for _, algorithm := range []token.Algorithm{token.EdDSA, token.ES256, token.RS256} {
		t.Run(string(algorithm), func(t *testing.T) {
			each(t, func(t *testing.T, o keyring.Options, _ *clock) {
				o.Algorithm = algorithm
				first := open(t, o)
				key := first.Signing(o.Now())
				if key.Algorithm() != algorithm {
					t.Errorf("%v signs, want %s", key, algorithm)
				}
				checkStates(t, o, key.ID()+" signing")
				checkPublished(t, first, key.ID())

				second := open(t, o)
				refresh(t, first)
				checkStates(t, o, key.ID()+" signing")
				raw := signToken(t, newAuthority(t, first, o))
				checkVerify(t, "on another replica", newAuthority(t, second, o), raw, nil)
				if _, ok := first.Verifying("", o.Now()); ok {
					t.Error("verifies without a kid")
				}
				if _, ok := first.Verifying("unknown", o.Now()); ok {
					t.Error("verifies with an unknown key")
				}
			})
		})
	}
}

// TestFirstKeyTogether starts ten replicas at once, with different clocks.
func TestFirstKeyTogether(t *testing.T) {
	t.Parallel()
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			var replicas [10]*keyring.Keyring
			var options [10]keyring.Options
			var starting sync.WaitGroup
			for i := range replicas {
				db, err := store.Open(t.Context(), at, store.Options{MaxConns: 2})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = db.Close() })
				options[i] = keyring.Options{
					Store: db, Secrets: secrets, Algorithm: token.EdDSA, MaxAge: 24 * time.Hour, TTL: ttl,
					Now: func() time.Time { return begin.Add(time.Duration(i) * time.Second) },
					Log: slog.New(slog.DiscardHandler),
				}
				starting.Go(func() {
					ring, err := keyring.Open(t.Context(), options[i])
					if err != nil {
						t.Error(err)
					}
					replicas[i] = ring
				})
			}
			starting.Wait()
			if t.Failed() {
				return
			}
			want := replicas[0].Signing(options[0].Now()).ID()
			for i, ring := range replicas {
				checkPublished(t, ring, want)
				raw := signToken(t, newAuthority(t, ring, options[i]))
				for j, other := range replicas {
					checkVerify(t, fmt.Sprintf("of %d on %d", i, j), newAuthority(t, other, options[j]), raw, nil)
				}
			}
		})
	}
}

// TestTurns follows a key through all of its states, on replicas that poll and on one that does not.
func TestTurns(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		ring, other := open(t, o), open(t, o)
		tokens := newAuthority(t, ring, o)
		first := ring.Signing(o.Now()).ID()
		future := "created later"

		second := rotate(t, o, time.Minute).KeyID
		checkStates(t, o, second+" published", first+" signing")
		checkPublished(t, ring, first)
		refresh(t, ring)
		checkPublished(t, ring, second, first)

		// No replica polls from here on.
		for _, step := range []struct {
			elapsed         time.Duration
			signing         string
			states          []string
			firstVerifies   bool
			secondPublished bool
		}{
			{0, first, []string{second + " published", first + " signing"}, true, true},
			{time.Minute - 1, first, []string{second + " published", first + " signing"}, true, true},
			{time.Minute, second, []string{second + " signing", first + " verifying"}, true, true},
			{time.Minute + tail - 1, second, []string{second + " signing", first + " verifying"}, true, true},
			{time.Minute + tail, second, []string{second + " signing", first + " expired"}, false, true},
			{23 * time.Hour, second, []string{second + " signing", first + " expired"}, false, true},
		} {
			c.elapsed.Store(int64(step.elapsed))
			if got := ring.Signing(o.Now()).ID(); got != step.signing {
				t.Errorf("after %v %s signs, want %s", step.elapsed, got, step.signing)
			}
			if _, ok := ring.Verifying(first, o.Now()); ok != step.firstVerifies {
				t.Errorf("after %v the first key verifies: %v", step.elapsed, ok)
			}
			if _, ok := ring.Verifying(second, o.Now()); !ok {
				t.Errorf("after %v the second key does not verify", step.elapsed)
			}
			if _, ok := ring.Verifying(future, o.Now()); ok {
				t.Error("an unknown key verifies")
			}
			checkStates(t, o, step.states...)
			checkVerify(t, "what it signed", tokens, signToken(t, tokens), nil)
		}

		if got := other.Signing(o.Now()).ID(); got != first {
			t.Errorf("without a poll %s signs, want %s", got, first)
		}
		refresh(t, other)
		checkPublished(t, other, second)
		if got := other.Signing(o.Now()).ID(); got != second {
			t.Errorf("after the poll %s signs, want %s", got, second)
		}
	})
}

// TestOvertaken creates a key that never signs, because a newer one signs earlier.
func TestOvertaken(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		ring := open(t, o)
		first := ring.Signing(o.Now()).ID()
		slow := rotate(t, o, time.Hour).KeyID
		fast := rotate(t, o, time.Minute).KeyID
		checkStates(t, o, fast+" published", slow+" published", first+" signing")
		refresh(t, ring)
		c.add(time.Minute)
		checkStates(t, o, fast+" signing", slow+" verifying", first+" verifying")
		c.add(2 * time.Hour)
		checkStates(t, o, fast+" signing", slow+" expired", first+" expired")
		if got := ring.Signing(o.Now()).ID(); got != fast {
			t.Errorf("%s signs, want %s", got, fast)
		}
	})
}

// TestClockBehind starts a replica with a clock that is behind the creation of the first key.
func TestClockBehind(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		ahead := newAuthority(t, open(t, o), o)
		o.Now = func() time.Time { return begin.Add(-20 * time.Second) }
		behind := newAuthority(t, open(t, o), o)
		checkVerify(t, "of the replica behind", ahead, signToken(t, behind), nil)
		checkVerify(t, "of the replica ahead", behind, signToken(t, ahead), nil)
	})
}

func TestMaxAge(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		ring, other := open(t, o), open(t, o)
		first := ring.Signing(o.Now()).ID()
		c.add(o.MaxAge - keyring.Lead - 1)
		refresh(t, ring)
		checkStates(t, o, first+" signing")

		c.add(1)
		refresh(t, ring)
		refresh(t, other)
		refresh(t, ring)
		ids := published(t, ring)
		if len(ids) != 2 || ids[1] != first {
			t.Fatalf("published: %v, want a new one and %s", ids, first)
		}
		checkStates(t, o, ids[0]+" published", first+" signing")
		c.add(keyring.Lead - 1)
		if got := ring.Signing(o.Now()).ID(); got != first {
			t.Errorf("%s signs before the first key has reached MaxAge", got)
		}
		c.add(1)
		if got := ring.Signing(o.Now()).ID(); got != ids[0] {
			t.Errorf("%s signs after the first key has reached MaxAge", got)
		}
	})
}

func TestMaxAgeTogether(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		var replicas []*keyring.Keyring
		for range 10 {
			replicas = append(replicas, open(t, o))
		}
		c.add(o.MaxAge)
		var polling sync.WaitGroup
		for _, ring := range replicas {
			polling.Go(func() {
				if err := ring.Refresh(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		polling.Wait()
		for _, ring := range replicas {
			if ids := published(t, ring); len(ids) != 2 {
				t.Errorf("published: %v, want two", ids)
			}
		}
	})
}
