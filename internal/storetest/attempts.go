package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// counterOf returns a counter of an account. nameCounter returns one of an unknown user name.
func counterOf(kind string, userID uuid.UUID) auth.AttemptCounter {
	return auth.AttemptCounter{Key: kind + userID.String(), UserID: &userID}
}

func nameCounter(name string) auth.AttemptCounter { return auth.AttemptCounter{Key: name} }

func wantAttempts(t *testing.T, s auth.Store, c auth.AttemptCounter, want auth.Attempts) {
	t.Helper()
	got, err := s.Attempts(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "Attempts of "+c.Key, got, want)
}

// attempt reserves attempts, one each microsecond, at a counter that has none, and returns its new state.
func attempt(t *testing.T, s auth.Store, c auth.AttemptCounter, times int) (was auth.Attempts) {
	t.Helper()
	for range times {
		is := auth.Attempts{Count: was.Count + 1, LastAt: epoch.Add(time.Duration(was.Count+1) * time.Microsecond)}
		ok, err := s.ReserveAttempt(t.Context(), c, was, is.LastAt.In(time.FixedZone("", 3600)))
		if !ok || err != nil {
			t.Fatalf("ReserveAttempt: %v, %v", ok, err)
		}
		wantAttempts(t, s, c, is)
		was = is
	}
	return was
}

func attemptsCount(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	counters := []auth.AttemptCounter{
		counterOf("x", a.ID), counterOf("y", a.ID), counterOf("x", b.ID),
		nameCounter("a"), nameCounter("A"), nameCounter("a "), nameCounter("%"), nameCounter("'"), nameCounter(""), nameCounter("👩"),
	}
	want := make([]auth.Attempts, len(counters))
	for i, c := range counters {
		wantAttempts(t, s, c, auth.Attempts{})
		want[i] = attempt(t, s, c, i+2)
		complete(t, "attempts", want[i])
	}
	for i, c := range counters { // counters are independent
		wantAttempts(t, s, c, want[i])
	}
	for _, cleared := range []bool{true, false} {
		if got, err := s.ClearAttempts(t.Context(), a.ID, false); got != cleared || err != nil {
			t.Errorf("ClearAttempts: %v, %v, want %v", got, err, cleared)
		}
	}
	want[0], want[1] = auth.Attempts{}, auth.Attempts{}
	for i, c := range counters {
		wantAttempts(t, s, c, want[i])
	}
	attempt(t, s, counters[0], 2)
}

// attemptsOfFactors clears the counters of an account without those of second factors, and then with them.
func attemptsOfFactors(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	factor, other := counterOf(auth.FactorCounter+"x", a.ID), counterOf("x"+auth.FactorCounter, a.ID)
	kept := attempt(t, s, factor, 1)
	attempt(t, s, other, 1)
	if ok, err := s.ClearAttempts(t.Context(), a.ID, false); !ok || err != nil {
		t.Errorf("ClearAttempts: %v, %v", ok, err)
	}
	wantAttempts(t, s, factor, kept)
	wantAttempts(t, s, other, auth.Attempts{})
	if ok, err := s.ClearAttempts(t.Context(), a.ID, true); !ok || err != nil {
		t.Errorf("ClearAttempts with factors: %v, %v", ok, err)
	}
	wantAttempts(t, s, factor, auth.Attempts{})
}

// attemptsStale reserves attempts with states that the counter had before or never had.
func attemptsStale(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	for _, c := range []auth.AttemptCounter{counterOf("x", a.ID), nameCounter("a")} {
		is := attempt(t, s, c, 3)
		for _, was := range []auth.Attempts{
			{},
			{Count: 2, LastAt: epoch.Add(2 * time.Microsecond)},
			{Count: 2, LastAt: is.LastAt},
			{Count: 3, LastAt: epoch.Add(2 * time.Microsecond)},
			{Count: 4, LastAt: is.LastAt},
		} {
			if ok, err := s.ReserveAttempt(t.Context(), c, was, epoch.Add(time.Hour)); ok || err != nil {
				t.Errorf("ReserveAttempt after %v: %v, %v", was, ok, err)
			}
			wantAttempts(t, s, c, is)
		}
	}
	if _, err := s.ClearAttempts(t.Context(), a.ID, false); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.ReserveAttempt(t.Context(), counterOf("x", a.ID), auth.Attempts{Count: 3, LastAt: epoch.Add(3 * time.Microsecond)}, epoch); ok || err != nil {
		t.Errorf("ReserveAttempt of a counter that was cleared: %v, %v", ok, err)
	}
}

// attemptsOfMany reserves attempts concurrently until ten are counted. No attempt may be lost or counted twice.
func attemptsOfMany(t *testing.T, s auth.Store) {
	const many, free = 100, 10
	a := newAccount(1)
	create(t, s, a)
	for _, c := range []auth.AttemptCounter{counterOf("x", a.ID), nameCounter("a")} {
		won := make([]bool, many)
		for _, err := range together(many, func(n int) (err error) {
			won[n], err = s.ReserveAttempt(t.Context(), c, auth.Attempts{}, epoch)
			return err
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		if n := count(won); n != 1 {
			t.Errorf("%d of %d counted the first attempt", n, many)
		}
		for _, err := range together(many, func(n int) error {
			for won[n] = false; !won[n]; {
				was, err := s.Attempts(t.Context(), c)
				if err != nil || was.Count >= free {
					return err
				}
				if won[n], err = s.ReserveAttempt(t.Context(), c, was, epoch.Add(time.Duration(n)*time.Second)); err != nil {
					return err
				}
			}
			return nil
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		if n := count(won); n != free-1 {
			t.Errorf("%d more passed, want %d", n, free-1)
		}
	}
}

// attemptsKept sweeps counters. The counters of an account stay until the account is deleted. A deleted account
// cannot get a new counter.
func attemptsKept(t *testing.T, s auth.Store) {
	a, b := newAccount(1), newAccount(2)
	create(t, s, a)
	create(t, s, b)
	before := epoch.Add(10 * time.Minute)
	reserve := func(c auth.AttemptCounter, at time.Time) {
		t.Helper()
		if ok, err := s.ReserveAttempt(t.Context(), c, auth.Attempts{}, at); !ok || err != nil {
			t.Fatalf("ReserveAttempt: %v, %v", ok, err)
		}
	}
	for _, c := range []auth.AttemptCounter{counterOf("x", a.ID), counterOf("y", a.ID), counterOf("x", b.ID), nameCounter("1"), nameCounter("2"), nameCounter("3")} {
		reserve(c, epoch)
	}
	reserve(nameCounter("new"), before)
	var swept []int
	for range 3 {
		n, err := s.SweepAttempts(t.Context(), before, 2)
		if err != nil {
			t.Fatal(err)
		}
		swept = append(swept, n)
	}
	if !slices.Equal(swept, []int{2, 1, 0}) {
		t.Errorf("SweepAttempts: %v, want 2, 1, 0", swept)
	}
	one := auth.Attempts{Count: 1, LastAt: epoch}
	wantAttempts(t, s, nameCounter("1"), auth.Attempts{})
	wantAttempts(t, s, nameCounter("new"), auth.Attempts{Count: 1, LastAt: before})
	wantAttempts(t, s, counterOf("x", a.ID), one)
	wantAttempts(t, s, counterOf("y", a.ID), one)

	if err := s.DeleteUser(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"x", "y"} {
		wantAttempts(t, s, counterOf(kind, a.ID), auth.Attempts{})
		_, err := s.ReserveAttempt(t.Context(), counterOf(kind, a.ID), auth.Attempts{}, epoch)
		wantError(t, "ReserveAttempt for an account that is gone", err, auth.ErrNotFound)
		if ok, err := s.ReserveAttempt(t.Context(), counterOf(kind, a.ID), one, epoch); ok || err != nil {
			t.Errorf("ReserveAttempt for a deleted account, after another: %v, %v", ok, err)
		}
	}
	wantAttempts(t, s, counterOf("x", b.ID), one)
}
