package store_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"usher/internal/auth"
	"usher/internal/pgtest"
	"usher/internal/store"
	"usher/internal/storetest"
)

func TestOpenRefuses(t *testing.T) {
	const password = "c0rrect-h0rse" // No error may contain it, not even half of it.
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, at := range []string{
		"",
		"usher.db",
		"mysql://ada:" + password + "@localhost/usher",
		"postgres:/ada:" + password + "@localhost/usher",
		"host=localhost user=ada password=" + password,
		"postgres://ada:" + password + "@localhost:port/usher",
		"postgres://ada:" + password + "@localhost:99999/usher",
		"postgres://ada:" + password + "%zz@localhost/usher",
		"postgres://ada:" + password + "@[::1/usher",
		"postgres://ada:" + password + "@localhost/usher?sslmode=banana",
		"postgres://ada:" + password + "@localhost/usher?default_query_exec_mode=banana",
		"postgres://ada@localhost/usher?sslmode=banana&password=" + password,
		"postgres://ada:1" + password + "/tail@localhost:1/usher",
		"postgres://ada:1234/" + password + "@localhost:1/usher",
		"postgres://ada:1234?" + password + "@localhost:1/usher",
		"postgres://ada:1234#" + password + "@localhost:1/usher",
		"postgres://ada:" + password + "@@localhost:1/usher",
		"postgres://ada:" + password + " x@localhost:1/usher",
		"postgres://ada:\x00" + password + "@localhost:1/usher",
		"postgres://localhost:1/usher?host=localhost,ada:" + password + "@localhost",
		"sqlite:",
		"sqlite::memory:",
		"sqlite://data/usher.db",
		"sqlite:" + folder, // not a file
		"sqlite:" + filepath.Join(file, "usher.db"),
		"sqlite:" + filepath.Join(folder, "a\x00b"),
	} {
		t.Run(strings.ReplaceAll(url.PathEscape(at), password, "…"), func(t *testing.T) {
			t.Chdir(t.TempDir())
			s, err := store.Open(t.Context(), at, store.Options{})
			if err == nil {
				_ = s.Close()
				t.Fatal("Open succeeded, want an error")
			}
			if strings.Contains(err.Error(), "c0rrect") || strings.Contains(err.Error(), "h0rse") {
				t.Errorf("the error shows the password: %v", err)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("the error has more than one line: %v", err)
			}
		})
	}
}

func TestOpenUnreachable(t *testing.T) {
	address := closedAddress(t)
	_, err := store.Open(t.Context(), "postgres://ada:c0rrect-h0rse@"+address+"/usher?sslmode=disable", store.Options{})
	wantError(t, "Open", err, auth.ErrUnreachable)
	if strings.Contains(err.Error(), "c0rrect") {
		t.Errorf("the error shows the password: %v", err)
	}
}

func TestOpenPostgresSettings(t *testing.T) {
	at := pgtest.URL(t)
	for _, c := range []struct{ at, name, timezone string }{
		{with(t, at, "application_name", "", "timezone", "Asia/Kathmandu"), "usher", "Asia/Kathmandu"},
		{with(t, at, "application_name", "replica-1", "timezone", "UTC"), "replica-1", "UTC"},
	} {
		s := open(t, c.at)
		for setting, want := range map[string]string{"application_name": c.name, "timezone": c.timezone} {
			var got string
			if err := s.Get(t.Context(), &got, `SELECT current_setting($1)`, setting); err != nil || got != want {
				t.Errorf("%s: %q, %v, want %q", setting, got, err, want)
			}
		}
	}
}

// TestOpenMaxConns uses the maximum number of connections at once, and checks that the pool keeps them.
func TestOpenMaxConns(t *testing.T) {
	const conns = 5
	s := openWith(t, storetest.URLs["postgres"](t), store.Options{MaxConns: conns})
	var here, done sync.WaitGroup
	here.Add(conns)
	for range conns {
		done.Go(func() {
			err := s.InTx(t.Context(), func(context.Context, auth.Store) error {
				here.Done()
				here.Wait()
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	if stats := s.Stats(); stats.MaxOpenConnections != conns || stats.Idle != conns {
		t.Errorf("%d idle connections of at most %d, want %d of %d", stats.Idle, stats.MaxOpenConnections, conns, conns)
	}
}

func TestOpenOneConn(t *testing.T) {
	for name, at := range empty {
		t.Run(name, func(t *testing.T) {
			s := openWith(t, at(t), store.Options{MaxConns: 1})
			migrate(t, s) // must not need a second connection
			ready(t, s, nil)
		})
	}
}

func TestOpenSQLitePaths(t *testing.T) {
	for _, name := range []string{
		"usher.db", "with space.db", "what?mode=memory", "a#b.db", "100%.db", "%41.db", "a&b=c;d.db", "a+b.db", "sqlite:x.db",
		"Ünïcödé 漢字.db", `back\slash"quote'.db`, "new/folder/usher.db", "./usher2.db",
	} {
		t.Run(url.PathEscape(name), func(t *testing.T) {
			t.Chdir(t.TempDir())
			for _, at := range []string{name, filepath.Join(t.TempDir(), name)} {
				s := openWith(t, "sqlite:"+at, store.Options{CreateFolder: true})
				migrate(t, s)
				if info, err := os.Stat(at); err != nil || info.Size() == 0 {
					t.Errorf("%v, %v, want the database", info, err)
				}
			}
		})
	}
}

func TestOpenSQLiteModes(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "new", "data", "usher.db")
	s := openWith(t, "sqlite:"+path, store.Options{CreateFolder: true})
	migrate(t, s)
	for path, want := range map[string]os.FileMode{
		filepath.Join(folder, "new"):         os.ModeDir | 0o700,
		filepath.Join(folder, "new", "data"): os.ModeDir | 0o700,
		path:                                 0o600,
		path + "-wal":                        0o600,
		path + "-shm":                        0o600,
	} {
		info, err := os.Stat(path)
		if err != nil {
			t.Error(err)
		} else if info.Mode() != want {
			t.Errorf("%s has the mode %v, want %v", path, info.Mode(), want)
		}
	}

	// Open keeps the mode that an operator chose.
	path = filepath.Join(t.TempDir(), "usher.db")
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	migrate(t, open(t, "sqlite:"+path))
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("%v, %v, want the mode it had", info.Mode(), err)
	}
}

func TestOpenSQLiteSettings(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "usher.db"))
	migrate(t, s)
	// Get uses a reading connection.
	for pragma, want := range map[string]string{"journal_mode": "wal", "busy_timeout": "5000", "query_only": "1"} {
		var got string
		if err := s.Get(t.Context(), &got, "PRAGMA "+pragma); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", pragma, got, err, want)
		}
	}
	err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		for pragma, want := range map[string]string{"foreign_keys": "1", "synchronous": "2", "busy_timeout": "5000", "query_only": "0"} {
			var got string
			if err := tx.(*store.Store).Get(ctx, &got, "PRAGMA "+pragma); err != nil || got != want {
				t.Errorf("%s of the writer: %q, %v, want %q", pragma, got, err, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
