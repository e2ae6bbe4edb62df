package store_test

import (
	"slices"
	"testing"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestWordsThatAreNoRoles reads words that cannot be names of roles, though the database accepts them.
func TestWordsThatAreNoRoles(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		session := signIn(t, s)
		for kept, want := range map[string][]auth.Role{
			"USER AUDITOR":  {auth.RoleUser, "AUDITOR"},
			"USER 2":        {auth.RoleUser},
			"_":             nil,
			"_ADMIN  USER ": {auth.RoleUser},
		} {
			if err := s.Exec(t.Context(), `UPDATE users SET roles = $1`, kept); err != nil {
				t.Fatal(err)
			}
			v, err := s.Viewer(t.Context(), session)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(v.User.Roles, want) {
				t.Errorf("%q grants %q, want %q", kept, v.User.Roles, want)
			}
		}
		if err := s.Exec(t.Context(), `UPDATE users SET roles = 'admin'`); err == nil {
			t.Error("lower-case roles were stored, want an error")
		}
	})
}

// TestDeletedUser deletes the row of a user with SQL.
func TestDeletedUser(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		session := signIn(t, s)
		if err := s.Exec(t.Context(), `DELETE FROM users`); err != nil {
			t.Fatal(err)
		}
		_, err := s.Viewer(t.Context(), session)
		wantError(t, "Viewer", err, auth.ErrNotFound)
		var sessions int
		if err := s.Get(t.Context(), &sessions, `SELECT count(*) FROM sessions`); err != nil || sessions != 0 {
			t.Errorf("%d sessions are left, %v", sessions, err)
		}
	})
}

// TestLostAdministration deletes all rows with SQL. LockAdministration must fail without its row.
func TestLostAdministration(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		if err := s.LockAdministration(t.Context()); err != nil {
			t.Fatal(err)
		}
		exec(t, s, `DELETE FROM administration`)
		if err := s.LockAdministration(t.Context()); err == nil {
			t.Error("LockAdministration succeeded without a row to lock")
		}
	})
}
