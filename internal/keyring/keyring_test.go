package keyring_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/keyring"
	"usher/internal/store"
	"usher/internal/storetest"
	"usher/internal/token"
)

const ttl = 15 * time.Minute

// tail is for how long a token is accepted.
const tail = ttl + token.MaxLeeway

var (
	begin  = time.Date(2030, 1, 31, 23, 59, 59, 123_456_000, time.UTC)
	secret = []byte("q7Vd2Lk0ZtB9xWmY5nRfHc8JsPe4UaGi")
)

// clock is the time of a test.
type clock struct{ elapsed atomic.Int64 }

func (c *clock) now() time.Time { return begin.Add(time.Duration(c.elapsed.Load())) }

func (c *clock) add(d time.Duration) { c.elapsed.Add(int64(d)) }

// each runs a test on each database, with the options of a replica and its clock.
func each(t *testing.T, test func(t *testing.T, o keyring.Options, c *clock)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := new(clock)
		test(t, keyring.Options{
			Store: s, Secret: secret, Algorithm: token.EdDSA, MaxAge: 24 * time.Hour, TTL: ttl,
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

// checkVerify wants a token to be accepted, or refused with an error.
func checkVerify(t *testing.T, what string, a *token.Authority, raw string, want error) {
	t.Helper()
	if _, err := a.Verify(raw); !errors.Is(err, want) {
		t.Errorf("Verify %s: %v, want %v", what, err, want)
	}
}

// checkStates wants these keys, "kid state", the newest first.
func checkStates(t *testing.T, o keyring.Options, want ...string) {
	t.Helper()
	list, err := keyring.List(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range list {
		got = append(got, s.KeyID+" "+string(s.State))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// published returns the ids in a JWK Set.
func published(t *testing.T, ring *keyring.Keyring) []string {
	t.Helper()
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(ring.JWKS(), &set); err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, jwk := range set.Keys {
		if slices.Contains(ids, jwk["kid"]) {
			t.Errorf("%s is there twice", jwk["kid"])
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
					t.Error("verifies with a key that is not there")
				}
			})
		})
	}
}

// TestFirstKeyTogether starts ten replicas at once, on clocks that differ.
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
					Store: db, Secret: secret, Algorithm: token.EdDSA, MaxAge: 24 * time.Hour, TTL: ttl,
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

// TestTurns takes a key through its life, on replicas that poll or do not.
func TestTurns(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		ring, other := open(t, o), open(t, o)
		tokens := newAuthority(t, ring, o)
		first := ring.Signing(o.Now()).ID()
		unborn := "made later"

		second := rotate(t, o, time.Minute).KeyID
		checkStates(t, o, second+" published", first+" signing")
		checkPublished(t, ring, first)
		refresh(t, ring)
		checkPublished(t, ring, second, first)

		// Nobody polls from here on.
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
			if _, ok := ring.Verifying(unborn, o.Now()); ok {
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

// TestOvertaken is about a key that never signs: a newer one was faster.
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

// TestClockBehind is about a replica that starts before the first key is made, by its own clock.
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
			t.Errorf("%s signs before the first key has come of age", got)
		}
		c.add(1)
		if got := ring.Signing(o.Now()).ID(); got != ids[0] {
			t.Errorf("%s signs after the first key has come of age", got)
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

		// While both settings are in use, nothing goes back and forth.
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

		// One that does not sign yet never does.
		retire(t, o, third)
		c.add(time.Minute)
		checkStates(t, o, third+" retired", second+" signing", first+" verifying")
		refused(second, keyring.ErrSigns)

		retire(t, o, first)
		retire(t, o, first) // is no news
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

// TestRetireForcedBack ends the key that signs, so that the one before it signs again.
func TestRetireForcedBack(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, c *clock) {
		ring := open(t, o)
		first := ring.Signing(o.Now()).ID()
		second := rotate(t, o, 0).KeyID
		for _, later := range []time.Duration{time.Minute, 2 * tail} { // while it verifies, and when it does not
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

// TestRetireForced ends the only key. The first replica to poll makes another one, at once.
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

func TestOtherSecret(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		first := open(t, o).Signing(o.Now()).ID()
		lost := o
		lost.Secret = []byte("Zk3Xp9Wc1Vb7Nm5Qa8Ls2Df6Gh4Jt0Ry")
		for _, algorithm := range []token.Algorithm{token.EdDSA, token.ES256, token.HS256} {
			lost.Algorithm = algorithm
			_, err := keyring.Open(t.Context(), lost)
			var sealed *keyring.SealedError
			if !errors.As(err, &sealed) || sealed.KeyID != first || strings.Contains(err.Error(), string(lost.Secret)) ||
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

		// What the error says helps.
		if err := keyring.Retire(t.Context(), lost, first, true); err != nil {
			t.Fatal(err)
		}
		second := open(t, lost).Signing(o.Now()).ID()
		checkStates(t, o, second+" signing", first+" retired")
	})
}

// TestTampered changes what is in the database. No replica starts with it, and those that run go on
// with the keys that are there and can be opened.
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
			t.Error("a key under another id was taken")
		}
		if got := ring.Signing(o.Now()).ID(); got != good[1].KeyID {
			t.Errorf("%s signs, want %s", got, good[1].KeyID)
		}
		checkPublished(t, ring, good[1].KeyID)
	})
}

// TestRetiredBesideSealed retires a key while there is one that a running replica cannot open, as
// when the server's secret changes: the retired key is refused all the same.
func TestRetiredBesideSealed(t *testing.T) {
	each(t, func(t *testing.T, o keyring.Options, _ *clock) {
		ring := open(t, o)
		retired := ring.Signing(o.Now()).ID()
		if err := keyring.Retire(t.Context(), o, retired, true); err != nil {
			t.Fatal(err)
		}
		changed := o
		changed.Secret = []byte("Kf3Pz8Qw1Xn6Vb0Tc5Ry9Lm2Jd7Hs4Ga")
		open(t, changed) // makes a key of its own
		var sealed *keyring.SealedError
		if err := ring.Refresh(t.Context()); !errors.As(err, &sealed) {
			t.Errorf("Refresh: %v, want it to name the key that it cannot open", err)
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

// TestSweep deletes keys a day after they are of no more use.
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
		for name, c := range map[string]struct {
			spoil func(o *keyring.Options)
			want  error // nil for any
		}{
			"short secret":      {func(o *keyring.Options) { o.Secret = secret[:31] }, token.ErrSecretTooShort},
			"well-known secret": {func(o *keyring.Options) { o.Secret = []byte(strings.Repeat("change-me", 5)) }, token.ErrSecretWellKnown},
			"no algorithm":      {func(o *keyring.Options) { o.Algorithm = "" }, nil},
			"none":              {func(o *keyring.Options) { o.Algorithm = "none" }, nil},
			"no TTL":            {func(o *keyring.Options) { o.TTL = 0 }, nil},
			"no age":            {func(o *keyring.Options) { o.MaxAge = keyring.Lead }, nil},
		} {
			bad := o
			c.spoil(&bad)
			if _, err := keyring.Open(t.Context(), bad); err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		checkStates(t, o)
	})
}
