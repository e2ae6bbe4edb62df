package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/store"
	"usher/internal/storetest"
)

// TestRotateTogether uses refresh tokens up in one statement, for each number that it may have: the
// good one twice, and others that are used, unknown, or not there yet.
func TestRotateTogether(t *testing.T) {
	for name, at := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, at(t))
			session := signIn(t, s)
			state, err := s.RefreshState(t.Context(), session)
			if err != nil {
				t.Fatal(err)
			}
			good := state.Generation
			sessions := []uuid.UUID{session, session, session, uuid.Max}
			for n := 1; n <= store.MaxGathered; n++ {
				now := state.Session.LastUsedAt.Add(time.Duration(n) * time.Second)
				generations := []uint32{good, good, good + 1, good}
				for len(generations) < n {
					sessions, generations = append(sessions, session), append(generations, good+7)
				}
				rotated, errs := s.RotateTogether(t.Context(), now, sessions[:n], generations[:n])
				for i := range n {
					if errs[i] != nil || rotated[i] != (i == 0) {
						t.Fatalf("%d of %d: rotated %t, %v", i, n, rotated[i], errs[i])
					}
				}
				good++
				after, err := s.RefreshState(t.Context(), session)
				if err != nil || after.Generation != good || !after.RotatedAt.Equal(now) || !after.Session.LastUsedAt.Equal(now) {
					t.Fatalf("after %d: %+v, %v", n, after, err)
				}
			}
		})
	}
}
