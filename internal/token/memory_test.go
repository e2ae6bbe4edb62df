package token

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newClockedAuthority returns an authority and its clock, which the caller sets in seconds.
func newClockedAuthority(t *testing.T, keys KeySet) (*Authority, *atomic.Int64) {
	t.Helper()
	a := newTestAuthority(t, keys, testNow)
	seconds := new(atomic.Int64)
	seconds.Store(testNow.Unix())
	a.now = func() time.Time { return time.Unix(seconds.Load(), 0) }
	return a, seconds
}

// TestRememberedTimes verifies a cached token before and after the time in which it is valid.
func TestRememberedTimes(t *testing.T) {
	key := newTestKey(t)
	const iat, exp, leeway = 1772366400, 1772367300, 30
	tests := []struct {
		name, payload string
		at            int64
		want          string
	}{
		{"last second", validPayload, exp + leeway - 1, ""},
		{"expired", validPayload, exp + leeway, "token: expired"},
		{"first second", validPayload, iat - leeway, ""},
		{"before it was issued", validPayload, iat - leeway - 1, "token: invalid: iat is in the future"},
		{
			"before nbf", edit(t, validPayload, `"iat"`, `"nbf":1772366410,"iat"`), iat - leeway + 9,
			"token: invalid: nbf is in the future",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, clock := newClockedAuthority(t, key)
			raw := forge(t, key, validHeader, tt.payload)
			checkVerify(t, a, raw, "")
			clock.Store(tt.at)
			checkVerify(t, a, raw, tt.want)
			clock.Store(iat)
			checkVerify(t, a, raw, "")
		})
	}
}

// changing is a KeySet whose keys can be replaced.
type changing struct{ atomic.Pointer[ring] }

func (c *changing) Signing(now time.Time) Key { return c.Load().Signing(now) }

func (c *changing) Verifying(kid string, now time.Time) (Key, bool) {
	return c.Load().Verifying(kid, now)
}

func TestSignWithoutKey(t *testing.T) {
	var keys changing
	keys.Store(&ring{newTestKey(t)})
	a := newTestAuthority(t, &keys, testNow)
	keys.Store(&ring{Key{}})
	if raw, err := a.Sign(testClaims); err == nil || raw != "" {
		t.Errorf("Sign = %q, %v; want an error", raw, err)
	}
	if raw, err := a.SignClient("client", ""); err == nil || raw != "" {
		t.Errorf("SignClient = %q, %v; want an error", raw, err)
	}
}

func TestRememberedEndsWithItsKey(t *testing.T) {
	var keys changing
	all := newRing(t)
	keys.Store(&all)
	a := newTestAuthority(t, &keys, testNow)
	for i, key := range all {
		raw, err := newTestAuthority(t, key, testNow).Sign(testClaims)
		if err != nil {
			t.Fatal(err)
		}
		checkVerify(t, a, raw, "")
		others := append(append(ring{}, all[:i]...), all[i+1:]...)
		keys.Store(&others)
		checkVerify(t, a, raw, "token: invalid: unknown kid")
		keys.Store(&all)
		checkVerify(t, a, raw, "")
	}
}

func TestRememberedClaimsAreTheCallers(t *testing.T) {
	a := newTestAuthority(t, newTestKey(t), testNow)
	raw, err := a.Sign(testClaims)
	if err != nil {
		t.Fatal(err)
	}
	want, err := newTestAuthority(t, newTestKey(t), testNow).Verify(raw)
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		got, err := a.Verify(raw)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("claims (-want +got):\n%s", diff)
		}
		got.Methods[0] = "mfa"
		got.Roles[0], got.Audience, got.Subject = "ADMIN", "everybody", "somebody else"
		got.Roles = append(got.Roles[:1], "ROOT")
		got.ExpiresAt = got.ExpiresAt.AddDate(10, 0, 0)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	key := newTestKey(t)
	a := newTestAuthority(t, key, testNow)
	const limit = memoryParts * memorySize
	for n := range 2 * limit {
		raw := forge(t, key, validHeader, edit(t, validPayload, `"jti":"j"`, fmt.Sprintf(`"jti":"%d"`, n)))
		if _, err := a.Verify(raw); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Verify(raw + "A"); err == nil {
			t.Fatal("accepts a modified token")
		}
	}
	got := 0
	for _, part := range a.memory {
		got += part.Len()
	}
	if got > limit || got < limit*9/10 {
		t.Errorf("%d tokens are cached, want nearly %d", got, limit)
	}
}

// TestMemoryTogether verifies tokens in many goroutines while keys are added and removed.
func TestMemoryTogether(t *testing.T) {
	var keys changing
	all := newRing(t)
	without := all[1:]
	keys.Store(&all)
	a := newTestAuthority(t, &keys, testNow)
	staying, err := newTestAuthority(t, all[1], testNow).Sign(testClaims)
	if err != nil {
		t.Fatal(err)
	}
	leaving, err := newTestAuthority(t, all[0], testNow).Sign(testClaims)
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	for range 8 {
		done.Go(func() {
			for range 200 {
				if _, err := a.Verify(staying); err != nil {
					t.Error(err)
				}
				_, _ = a.Verify(leaving) // either result: its key is added and removed
				keys.Store(&without)
				keys.Store(&all)
			}
		})
	}
	done.Wait()
	keys.Store(&without)
	checkVerify(t, a, leaving, "token: invalid: unknown kid")
}

// BenchmarkVerify verifies a new token, a cached one, and many cached ones in many goroutines.
func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range append([]Algorithm{HS256}, published...) {
		key := newTestKey(b)
		if algorithm != HS256 {
			key, _ = newPrivateKey(b, algorithm)
		}
		a := newTestAuthority(b, key, testNow)
		var raws [512]string
		for i := range raws {
			c := testClaims
			c.ID = fmt.Sprintf("0199f0c5-0000-7000-8000-%012d", i)
			raw, err := a.Sign(c)
			if err != nil {
				b.Fatal(err)
			}
			raws[i] = raw
		}
		verify := func(raw string) {
			if _, err := a.Verify(raw); err != nil {
				b.Error(err)
			}
		}
		b.Run(string(algorithm)+"/first", func(b *testing.B) {
			b.ReportAllocs()
			d := digest(sha256.Sum256([]byte(raws[0])))
			for b.Loop() {
				a.memory.of(d).Remove(d)
				verify(raws[0])
			}
		})
		b.Run(string(algorithm)+"/again", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				verify(raws[0])
			}
		})
		b.Run(string(algorithm)+"/together", func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(8)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					verify(raws[i%len(raws)])
				}
			})
		})
	}
}
