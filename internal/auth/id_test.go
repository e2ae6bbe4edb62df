package auth_test

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// TestFirstID checks that ids are sorted by the microsecond, and that FirstID is between those of one and the next.
func TestFirstID(t *testing.T) {
	t.Parallel()
	for _, at := range []time.Time{
		time.Unix(0, 0), time.Unix(0, 1_000), time.Unix(0, 999_000), time.Unix(0, 999_999_000),
		time.Date(2026, 1, 31, 12, 0, 0, 123_456_000, time.FixedZone("", 5*3600)),
		time.Date(9999, 12, 31, 23, 59, 59, 999_998_000, time.UTC),
	} {
		first, next := auth.FirstID(at), auth.FirstID(at.Add(time.Microsecond))
		if first.Version() != 7 || first.Variant() != uuid.RFC4122 {
			t.Errorf("%v: %v is no UUID of version 7", at, first)
		}
		for range 100 {
			id, err := auth.NewID(at, rand.Reader)
			if err != nil || bytes.Compare(first[:], id[:]) > 0 || bytes.Compare(id[:], next[:]) >= 0 {
				t.Fatalf("%v: %v, %v is not from %v to %v", at, id, err, first, next)
			}
		}
	}
	for _, early := range []time.Time{{}, time.Date(-4713, 1, 1, 0, 0, 0, 0, time.UTC), time.Unix(-1, 0)} {
		if got, want := auth.FirstID(early), auth.FirstID(time.Unix(0, 0)); got != want {
			t.Errorf("%v: %v, want %v", early, got, want)
		}
	}
}
