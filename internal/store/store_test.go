package store_test

import (
	"net/url"
	"path/filepath"
	"testing"

	"usher/internal/auth"
	"usher/internal/pgtest"
	"usher/internal/store"
	"usher/internal/storetest"
)

// empty returns URLs of databases without migrations. Those of storetest.URLs have all migrations.
var empty = map[string]func(t testing.TB) string{
	"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "usher.db") },
	"postgres": pgtest.URL,
}

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name, kind string
		parameters []string
	}{
		{"sqlite", "sqlite", nil},
		// With a session time zone other than UTC.
		{"postgres", "postgres", []string{"timezone", "Asia/Kathmandu"}},
		// As behind PgBouncer: statements are not prepared, and times are sent as text.
		{"postgres unprepared", "postgres", []string{"timezone", "America/St_Johns", "default_query_exec_mode", "exec"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			at := storetest.URLs[c.kind](t)
			if c.kind == "postgres" {
				at = with(t, at, c.parameters...)
			}
			storetest.Run(t, func(t *testing.T) auth.Store {
				s := open(t, at)
				clearAll(t, c.kind, s)
				return s
			})
		})
	}
}

// clearAll deletes every row. For the audit log it uses a way that only operators have.
func clearAll(t *testing.T, kind string, s *store.Store) {
	t.Helper()
	statements := []string{
		"DELETE FROM users", "DELETE FROM ceremonies", "DELETE FROM mailed_secrets", "DELETE FROM mail_messages", "DELETE FROM password_attempts", "DELETE FROM rate_limits", "DELETE FROM solved_challenges", "DELETE FROM oauth_clients", "DELETE FROM signing_keys", "DELETE FROM server_secrets",
		"DELETE FROM roles WHERE name NOT IN ('USER', 'ADMIN')",
	}
	if kind == "postgres" {
		statements = append(statements,
			`DO $$ DECLARE name text; BEGIN
				FOR name IN SELECT partition FROM audit_events_partitions() LOOP
					EXECUTE format('ALTER TABLE %s DISABLE TRIGGER audit_events_append_only', name);
					EXECUTE format('DELETE FROM %s', name);
					EXECUTE format('ALTER TABLE %s ENABLE TRIGGER audit_events_append_only', name);
				END LOOP; END $$`)
	} else {
		var create string
		if err := s.Get(t.Context(), &create, "SELECT sql FROM sqlite_schema WHERE name = 'audit_events_no_delete'"); err != nil {
			t.Fatal(err)
		}
		statements = append(statements, "DROP TRIGGER audit_events_no_delete", "DELETE FROM audit_events", create)
	}
	for _, statement := range statements {
		if err := s.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// open opens the database at a URL and closes it when the test ends.
func open(t testing.TB, at string) *store.Store {
	t.Helper()
	return openWith(t, at, store.Options{})
}

func openWith(t testing.TB, at string, o store.Options) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), at, o)
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

// with adds parameters to a URL. They are pairs of name and value.
func with(t testing.TB, at string, parameters ...string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	for i := 0; i < len(parameters); i += 2 {
		query.Set(parameters[i], parameters[i+1])
	}
	u.RawQuery = query.Encode()
	return u.String()
}
