package auth_test

import (
	"database/sql"
	"testing"

	"usher/internal/store"
	"usher/internal/storetest"
)

// eachDatabaseWithSQL is eachDatabase with a connection past the store.
func eachDatabaseWithSQL(t *testing.T, test func(t *testing.T, f *fixture, db *sql.DB)) {
	t.Helper()
	storetest.EachWithSQL(t, func(t *testing.T, s *store.Store, db *sql.DB) { test(t, newFixture(t, s), db) })
}
