package store_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/batch"
	"usher/internal/storetest"
)

// TestViewersTogether looks up sessions in one query, for each possible number of them. The first session is
// requested twice, and one session does not exist.
func TestViewersTogether(t *testing.T) {
	for name, at := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, at(t))
			there, absent := signIn(t, s), uuid.Max
			ids := []uuid.UUID{there, there, absent}
			for len(ids) <= batch.MaxSize {
				viewers, errs := s.ViewersTogether(t.Context(), ids...)
				for i, id := range ids {
					if id == absent {
						if !errors.Is(errs[i], auth.ErrNotFound) {
							t.Errorf("%d of %d: %v, want ErrNotFound", i, len(ids), errs[i])
						}
					} else if errs[i] != nil || viewers[i].Session.ID != id {
						t.Errorf("%d of %d: %+v, %v", i, len(ids), viewers[i], errs[i])
					}
				}
				if viewers[0] == viewers[1] {
					t.Fatal("two requests share a viewer")
				}
				ids = append(ids, there)
			}
		})
	}
}

// TestViewersDamaged checks that an unreadable row fails only the look-ups of that row.
func TestViewersDamaged(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.URLs["sqlite"](t))
	intact, damaged := signIn(t, s), uuid.MustParse("01940000-0000-7000-8000-000000000003")
	if err := s.Exec(t.Context(), `
		INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at, secret_digest)
		SELECT $1, user_id, auth_time, created_at, last_used_at, '2030-01-31', secret_digest FROM sessions`, damaged); err != nil {
		t.Fatal(err)
	}
	viewers, errs := s.ViewersTogether(t.Context(), damaged, intact, damaged)
	if errs[0] == nil || errs[2] == nil || errors.Is(errs[0], auth.ErrNotFound) {
		t.Errorf("the damaged row: %v", errs[0])
	}
	if errs[1] != nil || viewers[1].Session.ID != intact {
		t.Errorf("the other one: %+v, %v", viewers[1], errs[1])
	}
}
