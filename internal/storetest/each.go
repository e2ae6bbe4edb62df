package storetest

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"usher/graph"
	"usher/internal/auth"
	"usher/internal/pgtest"
	"usher/internal/store"
)

// Each runs a test on each supported database, in parallel. Each run gets a new, empty store.
func Each(t *testing.T, test func(t *testing.T, s *store.Store)) {
	t.Helper()
	for name, url := range URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, url(t)))
		})
	}
}

// EachWithSQL is Each with a connection past the store.
func EachWithSQL(t *testing.T, test func(t *testing.T, s *store.Store, db *sql.DB)) {
	t.Helper()
	for name, url := range URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := url(t)
			s := open(t, at)
			driver, dsn := "pgx", at
			if path, ok := strings.CutPrefix(at, "sqlite:"); ok {
				driver, dsn = "sqlite", path+"?_time_format=sqlite&_pragma=busy_timeout(10000)"
			}
			db, err := sql.Open(driver, dsn)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := db.Close(); err != nil {
					t.Error(err)
				}
			})
			test(t, s, db)
		})
	}
}

// URLs returns for each kind of database the URL of a new, migrated one. The database is deleted when the
// test ends.
var URLs = map[string]func(t testing.TB) string{
	"sqlite":   sqliteURL,
	"postgres": pgtest.Template(migrate),
}

func sqliteURL(t testing.TB) string {
	t.Helper()
	content, err := migratedFile()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "usher.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// migratedFile returns the content of a new, migrated SQLite database. With the race detector, the migrations take longer
// than most tests.
var migratedFile = sync.OnceValues(func() (content []byte, err error) {
	folder, err := os.MkdirTemp("", "storetest-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "usher.db")
	if err := migrate(context.Background(), "sqlite:"+path); err != nil {
		return nil, err
	}
	// The last connection that was closed has written the log to the file.
	return os.ReadFile(path)
})

func migrate(ctx context.Context, url string) error {
	s, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	err = s.Migrate(ctx)
	if err == nil {
		err = grantRequired(ctx, s)
	}
	return errors.Join(err, s.Close())
}

// grantRequired creates the roles and grants ADMIN the permissions that the schema requires beyond those of the
// migrations, as the operator of a schema with more guards does. Otherwise no server would start in a test.
func grantRequired(ctx context.Context, s *store.Store) error {
	required, err := graph.Requirements()
	if err != nil {
		return err
	}
	roles, err := s.Roles(ctx)
	if err != nil {
		return err
	}
	admin := roles[slices.IndexFunc(roles, func(r auth.RoleDefinition) bool { return r.Name == auth.RoleAdmin })]
	for _, r := range required.Unmet(roles) {
		if r.Role != "" {
			err = s.CreateRole(ctx, &auth.RoleDefinition{Name: r.Role, CreatedAt: admin.CreatedAt, UpdatedAt: admin.UpdatedAt})
		} else {
			admin.Permissions = auth.SortPermissions(append(admin.Permissions, r.Permission))
			err = s.UpdateRole(ctx, &admin)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func open(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}
