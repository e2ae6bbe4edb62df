package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// newCeremony returns a ceremony with a value in every field.
func newCeremony(n int, userID uuid.UUID) *auth.Ceremony {
	return &auth.Ceremony{
		ID:          newID(6000 + n),
		Purpose:     auth.CeremonyLogin,
		TokenDigest: digestOf(fmt.Sprint("ceremony", n)),
		UserID:      &userID,
		Details:     `{"a":"'; --"}`,
		Tries:       1,
		CreatedAt:   epoch.Add(time.Duration(n) * time.Microsecond),
		ExpiresAt:   epoch.Add(5 * time.Minute),
	}
}

func createCeremony(t *testing.T, s auth.Store, c *auth.Ceremony) {
	t.Helper()
	if err := s.CreateCeremony(t.Context(), c); err != nil {
		t.Fatalf("CreateCeremony: %v", err)
	}
}

func ceremonyEveryColumn(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	full, bare := newCeremony(1, a.ID), newCeremony(2, a.ID)
	complete(t, "ceremony", full)
	bare.UserID, bare.Details, bare.Tries = nil, "", 0
	long := newCeremony(3, a.ID)
	long.Details = strings.Repeat("漢", 4000)
	for _, c := range []*auth.Ceremony{full, bare, long} {
		createCeremony(t, s, c)
	}
	for _, want := range []*auth.Ceremony{full, bare, long} {
		got, err := s.CountCeremonyTry(t.Context(), want.Purpose, want.TokenDigest, 5, epoch)
		want.Tries++
		if err != nil {
			t.Fatalf("CountCeremonyTry: %v", err)
		}
		equal(t, "CountCeremonyTry", got, want)
	}
	wantError(t, "CreateCeremony of nobody", s.CreateCeremony(t.Context(), newCeremony(4, newID(77))), auth.ErrNotFound)
	if err := s.DeleteUser(t.Context(), a.ID); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.TakeCeremony(t.Context(), full.ID, epoch); ok || err != nil {
		t.Errorf("TakeCeremony of a deleted account: %v, %v", ok, err)
	}
	if ok, err := s.TakeCeremony(t.Context(), bare.ID, epoch); !ok || err != nil {
		t.Errorf("TakeCeremony: %v, %v", ok, err)
	}
}

// ceremonyTries tries to finish a ceremony more often than allowed, a hundred times at once.
func ceremonyTries(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	c, other := newCeremony(1, a.ID), newCeremony(2, a.ID)
	createCeremony(t, s, c)
	createCeremony(t, s, other)
	for what, try := range map[string]func() error{
		"of another purpose": func() error {
			_, err := s.CountCeremonyTry(t.Context(), auth.CeremonyTOTPSetup, c.TokenDigest, 5, epoch)
			return err
		},
		"of another token": func() error {
			_, err := s.CountCeremonyTry(t.Context(), c.Purpose, digestOf("another"), 5, epoch)
			return err
		},
		"that has expired": func() error {
			_, err := s.CountCeremonyTry(t.Context(), c.Purpose, c.TokenDigest, 5, c.ExpiresAt)
			return err
		},
	} {
		wantError(t, "CountCeremonyTry "+what, try(), auth.ErrNotFound)
	}
	const most = 5
	counted := 0
	for _, err := range together(100, func(int) error {
		_, err := s.CountCeremonyTry(t.Context(), c.Purpose, c.TokenDigest, most, epoch)
		return err
	}) {
		if err == nil {
			counted++
		} else {
			wantError(t, "CountCeremonyTry at once", err, auth.ErrNotFound)
		}
	}
	if want := most - c.Tries; counted != want {
		t.Errorf("%d of 100 tries at once were allowed, want %d", counted, want)
	}
	got, err := s.CountCeremonyTry(t.Context(), other.Purpose, other.TokenDigest, most, epoch)
	if err != nil || got.Tries != other.Tries+1 {
		t.Errorf("the tries of another ceremony: %v, %v", got, err)
	}
}

func ceremonyTake(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	c, late := newCeremony(1, a.ID), newCeremony(2, a.ID)
	createCeremony(t, s, c)
	createCeremony(t, s, late)
	if ok, err := s.TakeCeremony(t.Context(), late.ID, late.ExpiresAt); ok || err != nil {
		t.Errorf("TakeCeremony that has expired: %v, %v", ok, err)
	}
	if n := wins(t, 100, func(int) (bool, error) { return s.TakeCeremony(t.Context(), c.ID, epoch) }); n != 1 {
		t.Errorf("%d of 100 have taken one ceremony, want 1", n)
	}
}

func ceremonySweep(t *testing.T, s auth.Store) {
	a := newAccount(1)
	create(t, s, a)
	for n := range 5 {
		c := newCeremony(n, a.ID)
		c.ExpiresAt = epoch.Add(time.Duration(n) * time.Hour)
		createCeremony(t, s, c)
	}
	for _, want := range []int{2, 1, 0} { // those of the hours 0, 1 and 2
		n, err := s.SweepCeremonies(t.Context(), epoch.Add(2*time.Hour+time.Microsecond), 2)
		if n != want || err != nil {
			t.Errorf("SweepCeremonies: %d, %v, want %d", n, err, want)
		}
	}
	if ok, err := s.TakeCeremony(t.Context(), newID(6003), epoch); !ok || err != nil {
		t.Errorf("a ceremony that has not expired was swept: %v, %v", ok, err)
	}
}
