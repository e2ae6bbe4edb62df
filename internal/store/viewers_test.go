package store_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/batch"
	"usher/internal/storetest"
)

// TestViewersTogether asks for each number of sessions that one query may find, the first of which
// is there twice, and one nowhere.
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

// TestViewersDamaged shows that a row that cannot be read fails those who ask for it and nobody else.
func TestViewersDamaged(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.URLs["sqlite"](t))
	good, bad := signIn(t, s), uuid.MustParse("01940000-0000-7000-8000-000000000003")
	if err := s.Exec(t.Context(), `
		INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at, secret_digest)
		SELECT $1, user_id, auth_time, created_at, last_used_at, '2030-01-31', secret_digest FROM sessions`, bad); err != nil {
		t.Fatal(err)
	}
	viewers, errs := s.ViewersTogether(t.Context(), bad, good, bad)
	if errs[0] == nil || errs[2] == nil || errors.Is(errs[0], auth.ErrNotFound) {
		t.Errorf("the damaged row: %v", errs[0])
	}
	if errs[1] != nil || viewers[1].Session.ID != good {
		t.Errorf("the other one: %+v, %v", viewers[1], errs[1])
	}
}
