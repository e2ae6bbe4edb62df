package auth_test

import (
	"database/sql"
	"errors"
	"strings"
	"testing"

	"usher/internal/store"
	"usher/internal/storetest"
)

// eachDatabaseWithSQL is eachDatabase with a connection past the store.
func eachDatabaseWithSQL(t *testing.T, test func(t *testing.T, f *fixture, db *sql.DB)) {
	t.Helper()
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			s, err := store.Open(t.Context(), at, store.Options{})
			if err != nil {
				t.Fatal(err)
			}
			driver, dsn := "pgx", at
			if path, ok := strings.CutPrefix(at, "sqlite:"); ok {
				driver, dsn = "sqlite", path+"?_time_format=sqlite&_pragma=busy_timeout(10000)"
			}
			db, err := sql.Open(driver, dsn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := errors.Join(db.Close(), s.Close()); err != nil {
					t.Error(err)
				}
			})
			test(t, newFixture(t, s), db)
		})
	}
}
