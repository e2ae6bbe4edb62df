package store_test

import (
	"log/slog"
	"net/url"
	"path/filepath"
	"testing"

	"usher/internal/auth"
	"usher/internal/pgtest"
	"usher/internal/store"
	"usher/internal/storetest"
)

// empty makes URLs of databases without any migration, storetest.URLs those with all of them.
var empty = map[string]func(t testing.TB) string{
	"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "usher.db") },
	"postgres": pgtest.URL,
}

func TestConformance(t *testing.T) {
	for name, at := range map[string]func(t testing.TB) string{
		"sqlite": storetest.URLs["sqlite"],
		// In sessions of a time zone that is not UTC.
		"postgres": func(t testing.TB) string {
			return with(t, storetest.URLs["postgres"](t), "timezone", "Asia/Kathmandu")
		},
		// As behind PgBouncer: nothing is prepared, times come and go as text.
		"postgres unprepared": func(t testing.TB) string {
			return with(t, storetest.URLs["postgres"](t), "timezone", "America/St_Johns", "default_query_exec_mode", "exec")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := at(t)
			storetest.Run(t, func(t *testing.T) auth.Store {
				s := open(t, at)
				for _, table := range []string{"users", "login_failures", "oauth_clients", "signing_keys"} {
					if err := s.Exec(t.Context(), "DELETE FROM "+table); err != nil {
						t.Fatal(err)
					}
				}
				return s
			})
		})
	}
}

// open opens the database at a URL until the test ends.
func open(t testing.TB, at string) *store.Store {
	t.Helper()
	return openWith(t, at, store.Options{})
}

func openWith(t testing.TB, at string, o store.Options) *store.Store {
	t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
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

// with returns a URL with more parameters, each a name and a value.
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
