package store_test

import (
	"context"
	"testing"

	"usher/internal/auth"
	"usher/internal/storetest"
)

// TestLocksWriteNothing checks that a lock writes no new row version, which would need an entry in each index.
// ctid is the location of a row version (PostgreSQL documentation, System Columns).
func TestLocksWriteNothing(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.URLs["postgres"](t))
	session := signIn(t, s)
	v, err := s.Viewer(t.Context(), session)
	if err != nil {
		t.Fatal(err)
	}
	const rows = `SELECT users.ctid || ' and ' || sessions.ctid FROM users JOIN sessions ON user_id = users.id`
	var before, after string
	if err := s.Get(t.Context(), &before, rows); err != nil {
		t.Fatal(err)
	}
	for name, lock := range map[string]func(ctx context.Context, tx auth.Store) (bool, error){
		"LockSession": func(ctx context.Context, tx auth.Store) (bool, error) {
			return tx.LockSession(ctx, v.User.ID, session, v.Session.CreatedAt)
		},
	} {
		if err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
			if locked, err := lock(ctx, tx); err != nil || !locked {
				t.Errorf("%s: %t, %v", name, locked, err)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if err := s.Get(t.Context(), &after, rows); err != nil || after != before {
			t.Errorf("%s moved the rows from %s to %s, %v", name, before, after, err)
		}
	}
}
