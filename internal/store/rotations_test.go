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

// TestRotateTogether rotates refresh tokens in one statement, for each possible number of them. The batch has
// the valid token twice, and tokens that are unknown or not issued yet. Only the first client is recorded.
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
			generation := state.Generation
			for n := 1; n <= batch.MaxSize; n++ {
				now := state.Session.LastUsedAt.Add(time.Duration(n) * 30 * time.Second)
				by := fmt.Sprintf("client %d", n)
				tokens := []store.Rotation{
					{session, generation + 1, "client of a future token"},
					{session, generation, by},
					{session, generation, "second client of the token"},
					{uuid.Max, generation, "client of an unknown session"},
				}
				tokens = append(tokens[max(0, 2-n):], slices.Repeat([]store.Rotation{{session, generation + 7, "client of an unknown token"}}, batch.MaxSize)...)[:n]
				rotated, errs := s.RotateTogether(t.Context(), now, tokens)
				for i := range n {
					if errs[i] != nil || rotated[i] != (tokens[i].By == by) {
						t.Fatalf("%d of %d: rotated %t, %v", i, n, rotated[i], errs[i])
					}
				}
				generation++
				after, err := s.RefreshState(t.Context(), session)
				if err != nil || after.Generation != generation || !after.RotatedAt.Equal(now) || *after.RotatedBy != by ||
					!after.Session.LastUsedAt.Equal(now.Truncate(time.Minute)) {
					t.Fatalf("after %d: %+v, %v", n, after, err)
				}
			}
		})
	}
}

// TestRotateOfMany rotates tokens of many sessions in one statement. All have the same generation, and each
// has another client.
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
