package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/batch"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestRotateTogether uses refresh tokens up in one statement, for each number that it may have: the
// good one twice, by two clients of which the first is noted, and others that are unknown or not there yet.
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
			for n := 1; n <= batch.MaxSize; n++ {
				now := state.Session.LastUsedAt.Add(time.Duration(n) * 30 * time.Second)
				by := fmt.Sprintf("client %d", n)
				tokens := []store.Rotation{
					{session, good + 1, "of a token that is not there yet"},
					{session, good, by},
					{session, good, "of a second one with the token"},
					{uuid.Max, good, "of an unknown session"},
				}
				tokens = append(tokens[max(0, 2-n):], slices.Repeat([]store.Rotation{{session, good + 7, "of none"}}, batch.MaxSize)...)[:n]
				rotated, errs := s.RotateTogether(t.Context(), now, tokens)
				for i := range n {
					if errs[i] != nil || rotated[i] != (tokens[i].By == by) {
						t.Fatalf("%d of %d: rotated %t, %v", i, n, rotated[i], errs[i])
					}
				}
				good++
				after, err := s.RefreshState(t.Context(), session)
				if err != nil || after.Generation != good || !after.RotatedAt.Equal(now) || *after.RotatedBy != by ||
					!after.Session.LastUsedAt.Equal(now.Truncate(time.Minute)) {
					t.Fatalf("after %d: %+v, %v", n, after, err)
				}
			}
		})
	}
}

// TestRotateOfMany uses tokens of the same number of many sessions up in one statement, each by another client.
func TestRotateOfMany(t *testing.T) {
	for name, at := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, at(t))
			state, err := s.RefreshState(t.Context(), signIn(t, s))
			if err != nil {
				t.Fatal(err)
			}
			now := state.Session.LastUsedAt.Add(time.Minute)
			tokens := make([]store.Rotation, batch.MaxSize)
			for i := range tokens {
				session := state.Session
				session.ID = uuid.New()
				if err := s.CreateSession(t.Context(), &session, make([]byte, 32)); err != nil {
					t.Fatal(err)
				}
				tokens[i] = store.Rotation{session.ID, 0, fmt.Sprintf("client %d", i)}
			}
			rotated, errs := s.RotateTogether(t.Context(), now, tokens)
			for i, token := range tokens {
				state, err := s.RefreshState(t.Context(), token.Session)
				if errs[i] != nil || !rotated[i] || err != nil || state.RotatedBy == nil || *state.RotatedBy != token.By {
					t.Errorf("session %d: rotated %t, %v; %+v, %v", i, rotated[i], errs[i], state, err)
				}
			}
		})
	}
}
