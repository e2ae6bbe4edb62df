package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/auth"
)

// uses returns uses of the counter n in a period.
func uses(n byte, period, count int64) auth.RateLimitUses {
	key := make([]byte, 32)
	key[0], key[31] = n, 0xff
	return auth.RateLimitUses{Key: key, Period: period, Count: count, ExpiresAt: epoch.Add(time.Duration(period+2) * time.Hour)}
}

func addUses(t *testing.T, s auth.Store, u auth.RateLimitUses) auth.RateLimitSums {
	t.Helper()
	sums, err := s.AddUses(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

// rateLimitSums adds uses in one period after the other, as servers with different clocks do.
func rateLimitSums(t *testing.T, s auth.Store) {
	for n, adds := range [][]struct{ period, count, wantPeriod, wantCount, wantPrevious int64 }{
		{{7, 1, 7, 1, 0}, {7, 2, 7, 3, 0}, {8, 5, 8, 5, 3}, {8, 1, 8, 6, 3}, {9, 1, 9, 1, 6}},
		{{7, 4, 7, 4, 0}, {9, 1, 9, 1, 0}},                                   // no uses in 8
		{{7, 4, 7, 4, 0}, {1 << 40, 1, 1 << 40, 1, 0}},                       // none for long
		{{7, 4, 7, 4, 0}, {8, 2, 8, 2, 4}, {7, 3, 8, 5, 4}, {8, 1, 8, 6, 4}}, // a clock behind
		{{7, 4, 7, 4, 0}, {8, 2, 8, 2, 4}, {6, 3, 6, 5, 4}, {6, 1, 6, 6, 4}}, // a clock that was wrong
		{{1 << 40, 9, 1 << 40, 9, 0}, {7, 1, 7, 10, 0}, {8, 1, 8, 1, 10}},
		{{7, 3, 7, 3, 0}, {7, -2, 7, 1, 0}, {7, -2, 7, 0, 0}, {7, 1, 7, 1, 0}}, // uses are given back
		{{7, -2, 7, 0, 0}, {8, -2, 8, 0, 0}, {7, -1, 8, 0, 0}},
		{{7, 0, 7, 0, 0}, {7, 1 << 40, 7, 1 << 40, 0}, {7, 0, 7, 1 << 40, 0}},
		{{0, 1, 0, 1, 0}, {-1, 1, 0, 2, 0}},
	} {
		for i, add := range adds {
			got := addUses(t, s, uses(byte(n), add.period, add.count))
			equal(t, fmt.Sprintf("counter %d after %v", n, adds[:i+1]), got, auth.RateLimitSums{
				Period: add.wantPeriod, Count: add.wantCount, Previous: add.wantPrevious,
			})
		}
	}
}

func rateLimitRefused(t *testing.T, s auth.Store) {
	for _, key := range [][]byte{nil, {}, []byte("192.0.2.1"), make([]byte, 33)} {
		u := uses(1, 7, 1)
		u.Key = key
		if _, err := s.AddUses(t.Context(), u); err == nil {
			t.Errorf("a key of %d bytes was stored", len(key))
		}
	}
	for _, id := range []string{"", strings.Repeat("a", 101)} {
		if _, err := s.UseChallenge(t.Context(), id, epoch); err == nil {
			t.Errorf("an id of %d letters was stored", len(id))
		}
	}
}

// rateLimitOfMany adds uses from many servers at once. No use may be lost, and each sum is returned once.
func rateLimitOfMany(t *testing.T, s auth.Store) {
	const many = 200
	sums := make([]int64, many)
	for _, err := range together(many, func(n int) error {
		got, err := s.AddUses(t.Context(), uses(byte(n%2), 7, 1))
		sums[n] = got.Count
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	slices.Sort(sums)
	for i, sum := range sums {
		if want := int64(i/2 + 1); sum != want {
			t.Fatalf("the sums are %v", sums)
		}
	}
}

// rateLimitSweep sweeps counters that have expired. The one that is used again in the meantime has not.
func rateLimitSweep(t *testing.T, s auth.Store) {
	periods := []int64{0, 1, 2, 3, 4} // They expire after 2 hours, 3, 4, 5 and 6.
	for n, period := range periods {
		addUses(t, s, uses(byte(n), period, 3))
	}
	periods[1] = 3
	addUses(t, s, uses(1, periods[1], 1))
	sweepTwo(t, "SweepRateLimits", s.SweepRateLimits, epoch.Add(5*time.Hour))
	for n, want := range []int64{1, 2, 1, 4, 4} {
		if got := addUses(t, s, uses(byte(n), periods[n], 1)); got.Count != want {
			t.Errorf("counter %d after the sweep: %v, want a count of %d", n, got, want)
		}
	}
}

// challengeOfMany uses challenges many times at once. Each is valid once.
func challengeOfMany(t *testing.T, s auth.Store) {
	const many, challenges = 100, 4
	won := make([]bool, many)
	for _, err := range together(many, func(n int) (err error) {
		won[n], err = s.UseChallenge(t.Context(), fmt.Sprint("challenge ", n%challenges), epoch)
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if n := count(won); n != challenges {
		t.Errorf("%d solutions were accepted, want %d", n, challenges)
	}
}

func challengeSweep(t *testing.T, s auth.Store) {
	for n := range 4 {
		if ok, err := s.UseChallenge(t.Context(), fmt.Sprint(n), epoch.Add(time.Duration(n)*time.Hour)); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	sweepTwo(t, "SweepChallenges", s.SweepChallenges, epoch.Add(2*time.Hour))
	for n, want := range []bool{true, true, false, false} {
		if ok, err := s.UseChallenge(t.Context(), fmt.Sprint(n), epoch.Add(time.Hour)); ok != want || err != nil {
			t.Errorf("challenge %d after the sweep: %v, %v, want %v", n, ok, err, want)
		}
	}
}

// sweepTwo sweeps two rows, first none of them and then one at a time.
func sweepTwo(t *testing.T, name string, sweep func(context.Context, time.Time, int) (int, error), before time.Time) {
	t.Helper()
	for _, c := range []struct{ limit, want int }{{0, 0}, {1, 1}, {5, 1}, {5, 0}} {
		if n, err := sweep(t.Context(), before, c.limit); n != c.want || err != nil {
			t.Errorf("%s up to %d: %d, %v, want %d", name, c.limit, n, err, c.want)
		}
	}
}
