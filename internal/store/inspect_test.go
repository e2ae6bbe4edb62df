package store_test

import (
	"crypto/sha256"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"usher/internal/store"
	"usher/internal/storetest"
)

func inspect(t *testing.T, at string) *store.Inspection {
	t.Helper()
	s, err := store.OpenToInspect(t.Context(), at, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	i, err := s.Inspect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// TestInspect inspects a database that is current, one that is empty and one of a newer release.
func TestInspect(t *testing.T) {
	t.Parallel()
	for name, product := range map[string]string{"sqlite": "SQLite 3", "postgres": "PostgreSQL 1"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := storetest.URLs[name](t)
			s := open(t, at)
			i := inspect(t, at)
			if !strings.HasPrefix(i.Product, product) || i.Old || i.Current != s.Latest() || i.Latest != s.Latest() || len(i.Denied) > 0 || !i.Migrates {
				t.Errorf("current: %+v", i)
			}
			if i.Ahead.Abs() > i.Accuracy+time.Second {
				t.Errorf("the clock of this machine differs: %+v", i)
			}
			if (name == "postgres") != (i.Role != "") {
				t.Errorf("the role is %q", i.Role)
			}
			if err := s.Exec(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (99999, true)"); err != nil {
				t.Fatal(err)
			}
			if i := inspect(t, at); i.Current != 99999 || i.Latest != s.Latest() {
				t.Errorf("newer: %+v", i)
			}
			blank := empty[name](t)
			open(t, blank) // creates the file
			if i := inspect(t, blank); i.Current != 0 || !i.Migrates {
				t.Errorf("empty: %+v", i)
			}
		})
	}
}

// TestInspectTables checks that the rights of all tables are inspected.
func TestInspectTables(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.URLs["sqlite"](t))
	var names string
	err := s.Get(t.Context(), &names, `SELECT group_concat(name) FROM (SELECT name FROM sqlite_master
		WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'goose_%' ORDER BY name)`)
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.Join(store.Tables(), ","); names != want {
		t.Errorf("the tables are %s, inspected are %s", names, want)
	}
}

// TestInspectFile checks that a SQLite file is not changed, created or opened for writing.
func TestInspectFile(t *testing.T) {
	t.Parallel()
	at := storetest.URLs["sqlite"](t)
	file := strings.TrimPrefix(at, "sqlite:")
	digest := func() [sha256.Size]byte {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return sha256.Sum256(text)
	}
	before := digest()
	s, err := store.OpenToInspect(t.Context(), at, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Inspect(t.Context()); err != nil {
		t.Error(err)
	}
	if err := s.Exec(t.Context(), "DELETE FROM roles"); err == nil {
		t.Error("the database can be written")
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if digest() != before {
		t.Error("the file has changed")
	}
	missing := filepath.Join(t.TempDir(), "missing.db")
	if _, err := store.OpenToInspect(t.Context(), "sqlite:"+missing, store.Options{}); !errors.Is(err, store.ErrNoFile) {
		t.Errorf("missing: %v", err)
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("the file was created")
	}
	// The server would not create the folder either, unless it is that of the default database.
	missing = filepath.Join(t.TempDir(), "none", "missing.db")
	if _, err := store.OpenToInspect(t.Context(), "sqlite:"+missing, store.Options{}); err == nil || !strings.Contains(err.Error(), "Create it with mkdir -p") {
		t.Errorf("missing folder: %v", err)
	}
	if _, err := store.OpenToInspect(t.Context(), "sqlite:"+missing, store.Options{CreateFolder: true}); !errors.Is(err, store.ErrNoFile) {
		t.Errorf("missing folder of the default database: %v", err)
	}
	text := filepath.Join(t.TempDir(), "text")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{text: "is not a SQLite database", t.TempDir(): "is a folder"} {
		s, err := store.OpenToInspect(t.Context(), "sqlite:"+path, store.Options{})
		if err == nil {
			_, err = s.Inspect(t.Context())
			_ = s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", path, err, want)
		}
	}
}

// TestInspectRights inspects as roles that lack rights.
func TestInspectRights(t *testing.T) {
	t.Parallel()
	at := storetest.URLs["postgres"](t)
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	owner := open(t, at)
	role := "limited_of_" + u.Path[1:]
	exec := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if err := owner.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	exec("CREATE ROLE "+role+" LOGIN PASSWORD 'c0rrect'", "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role,
		"REVOKE UPDATE, DELETE ON audit_events FROM "+role, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	defer exec("DROP OWNED BY "+role, "DROP ROLE "+role)
	u.User = url.UserPassword(role, "c0rrect")
	if i := inspect(t, u.String()); len(i.Denied) > 0 || i.Migrates || i.Superuser || i.Role != role {
		t.Errorf("with all rights but that to migrate: %+v", i)
	}
	exec("REVOKE DELETE ON sessions FROM "+role, "REVOKE INSERT ON audit_events FROM "+role)
	if i := inspect(t, u.String()); !slices.Equal(i.Denied, []string{"INSERT on audit_events", "DELETE on sessions"}) {
		t.Errorf("without two rights: %+v", i)
	}
}
