package pgtest

import (
	"context"
	"sync"
	"testing"
	"time"
)

// startTimeout includes the download of a server. databaseTimeout includes the time in which CREATE and DROP
// DATABASE wait for sessions to end.
const (
	startTimeout    = 5 * time.Minute
	databaseTimeout = time.Minute
)

// shared is the server of all tests in this process. It stops with the process.
var shared = sync.OnceValues(func() (*Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	return Start(ctx)
})

// URL returns the URL of a new, empty database. The database is dropped when the test ends. The first call
// starts a server, which stops with the process.
func URL(t testing.TB) string {
	t.Helper()
	return database(t, "")
}

// Template returns a function like URL whose databases are copies of a prepared one. It calls prepare once per
// process, for example to run migrations. A copy takes a fraction of the time of prepare:
//
//	var migrated = pgtest.Template(func(ctx context.Context, url string) error { … })
func Template(prepare func(ctx context.Context, url string) error) func(testing.TB) string {
	template := sync.OnceValues(func() (string, error) {
		s, err := shared()
		if err != nil {
			return "", err
		}
		ctx, cancel := context.WithTimeout(context.Background(), databaseTimeout)
		defer cancel()
		at, err := s.CreateDatabase(ctx, "")
		if err != nil {
			return "", err
		}
		return at, prepare(ctx, at)
	})
	return func(t testing.TB) string {
		t.Helper()
		at, err := template()
		if err != nil {
			t.Fatalf("pgtest: prepare the template: %v", err)
		}
		return database(t, at)
	}
}

func database(t testing.TB, template string) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), databaseTimeout)
	defer cancel()
	at, err := s.CreateDatabase(ctx, template)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), databaseTimeout)
		defer cancel()
		if err := s.DropDatabase(ctx, at); err != nil {
			t.Error(err)
		}
	})
	return at
}
