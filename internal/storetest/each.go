package storetest

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

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

// URLs returns for each kind of database the URL of a new, migrated one. The database is deleted when the
// test ends.
var URLs = map[string]func(t testing.TB) string{
	"sqlite":   sqliteURL,
	"postgres": pgtest.Template(migrate),
}

func sqliteURL(t testing.TB) string {
	t.Helper()
	url := "sqlite:" + filepath.Join(t.TempDir(), "usher.db")
	if err := migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	return url
}

func migrate(ctx context.Context, url string) error {
	s, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(ctx), s.Close())
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
