package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/store"
	"usher/internal/storetest"
)

// restoreNow is when backups are restored in these tests. Sessions that fillSessions inserts are live.
var restoreNow = time.Date(2030, 1, 5, 0, 0, 0, 0, time.UTC)

// backUp writes a backup of a store and opens it.
func backUp(t *testing.T, s *store.Store) *os.File {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "backup"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := s.Backup(t.Context(), f); err != nil {
		t.Fatal(err)
	}
	return f
}

// restore restores a backup into a database and opens it.
func restore(t *testing.T, at string, backup *os.File, o store.RestoreOptions) *store.Store {
	t.Helper()
	o.Now = func() time.Time { return restoreNow }
	if err := store.Restore(t.Context(), at, backup, o); err != nil {
		t.Fatal(err)
	}
	return open(t, at)
}

// TestBackupRestore restores a backup of a filled database and compares every value of every table.
func TestBackupRestore(t *testing.T) {
	for name, at := range empty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, storetest.URLs[name](t))
			fill(t, name, s)
			restored := restore(t, at(t), backUp(t, s), store.RestoreOptions{KeepMail: true})
			want, got := tables(t, name, s), tables(t, name, restored)
			if len(want) < 14 || len(want["users"]) == 0 || len(want["mail_messages"]) == 0 {
				t.Fatalf("the database is not filled: %v", slices.Collect(maps.Keys(want)))
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("tables (-backed up +restored):\n%s", diff)
			}
			c, err := restored.Contents(t.Context(), restoreNow)
			if want := (&store.Contents{Version: s.Latest(), Users: 50, Sessions: 200, LiveSessions: 200, Events: 100, Sampled: 100}); err != nil || !cmp.Equal(c, want) {
				t.Errorf("Contents: %+v, %v, want %+v", c, err, want)
			}
			// The constraints are there, too.
			if err := restored.Exec(t.Context(), `INSERT INTO credentials (id, user_id, kind, secret, created_at, updated_at)
				SELECT id, id, 'PASSWORD', 'x', created_at, created_at FROM sessions`); err == nil {
				t.Error("a credential of a missing user was accepted")
			}
		})
	}
}

// fill fills all tables that grow.
func fill(t *testing.T, kind string, s *store.Store) {
	t.Helper()
	fillUsers(t, kind, s, 50)
	fillSessions(t, kind, s, 200, 50)
	fillAttempts(t, kind, s, 50)
	fillEvents(t, kind, s, 100)
	fillSecrets(t, kind, s, 50)
	fillMails(t, kind, s, 200)
	fillRateLimits(t, kind, s, 20)
	if err := s.Exec(t.Context(), `UPDATE sessions SET expires_at = `+strings.ReplaceAll(times[kind], "-01-", "-02-")); err != nil {
		t.Fatal(err)
	}
}

// tables returns the rows of all tables as text, sorted.
func tables(t *testing.T, kind string, s *store.Store) map[string][]string {
	t.Helper()
	list := map[string]string{
		"sqlite": `SELECT group_concat(name) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`,
		// The rows of a partitioned table are those of its partitions, of which a restore may add empty ones.
		"postgres": `SELECT string_agg(relname, ',') FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition`,
	}
	var names string
	if err := s.Get(t.Context(), &names, list[kind]); err != nil {
		t.Fatal(err)
	}
	found := map[string][]string{}
	for name := range strings.SplitSeq(names, ",") {
		found[name] = rowsOf(t, s, name)
	}
	return found
}

func rowsOf(t *testing.T, s *store.Store, table string) []string {
	t.Helper()
	conn, err := s.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	rows, err := conn.QueryContext(t.Context(), "SELECT * FROM "+table) //nolint:unqueryvet // The test compares all columns.
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	values := make([]any, len(columns))
	targets := make([]any, len(columns))
	for i := range values {
		targets[i] = &values[i]
	}
	var found []string
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			t.Fatal(err)
		}
		found = append(found, fmt.Sprint(values...))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found
}

// fillPages inserts users with 16 MB of metadata, which a backup copies in several steps.
func fillPages(t *testing.T, kind string, s *store.Store) {
	t.Helper()
	fillUsers(t, kind, s, 1000)
	if err := s.Exec(t.Context(), `UPDATE users SET metadata = $1`, strings.Repeat("x", 16_000)); err != nil {
		t.Fatal(err)
	}
}

// TestBackupIsSnapshot writes as fast as possible during a backup of many pages. Each transaction changes the first and
// the last user, whose pages are far apart. The backup has both changes of a transaction or none, and everything that
// was committed before it began. It does not begin again with each write.
func TestBackupIsSnapshot(t *testing.T) {
	for name, at := range empty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, storetest.URLs[name](t))
			fillPages(t, name, s)
			statement := `UPDATE users SET credentials_version = credentials_version + 1
				WHERE id IN ((SELECT id FROM users ORDER BY id LIMIT 1), (SELECT id FROM users ORDER BY id DESC LIMIT 1))`
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var writers sync.WaitGroup
			first, written := make(chan struct{}), 0
			writers.Go(func() {
				for ; ctx.Err() == nil; written++ {
					if err := s.Exec(t.Context(), statement); err != nil {
						t.Error(err)
						return
					}
					if written == 10 {
						close(first)
					}
				}
			})
			<-first
			backup := backUp(t, s)
			stop()
			writers.Wait()
			restored := restore(t, at(t), backup, store.RestoreOptions{})
			var versions []int
			for _, order := range []string{"", " DESC"} {
				var version int
				if err := restored.Get(t.Context(), &version, `SELECT credentials_version FROM users ORDER BY id`+order+` LIMIT 1`); err != nil {
					t.Fatal(err)
				}
				versions = append(versions, version)
			}
			if versions[0] != versions[1] || versions[0] < 10 || versions[0] > written {
				t.Errorf("the users of the backup have the versions %v, and %d were written", versions, written)
			}
		})
	}
}

func TestBackupStops(t *testing.T) {
	for name := range empty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, storetest.URLs[name](t))
			f, err := os.Create(filepath.Join(t.TempDir(), "backup"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := s.Backup(ctx, f); !errors.Is(err, context.Canceled) {
				t.Errorf("Backup: %v, want canceled", err)
			}
			if err := s.Ready(t.Context()); err != nil {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestBackupOfNothing(t *testing.T) {
	for name, at := range empty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := os.Create(filepath.Join(t.TempDir(), "backup"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if err := open(t, at(t)).Backup(t.Context(), f); !errors.Is(err, store.ErrEmpty) {
				t.Errorf("Backup: %v, want %v", err, store.ErrEmpty)
			}
		})
	}
}

// TestBackupIsOneFile opens a backup of SQLite with another library's defaults: it is a single file without a log.
func TestBackupIsOneFile(t *testing.T) {
	f := backUp(t, open(t, storetest.URLs["sqlite"](t)))
	db, err := sql.Open("sqlite", "file:"+f.Name()+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var mode, check string
	if err := db.QueryRowContext(t.Context(), `SELECT journal_mode, integrity_check FROM pragma_journal_mode, pragma_integrity_check`).Scan(&mode, &check); err != nil || mode != "delete" || check != "ok" {
		t.Errorf("journal_mode %q, integrity_check %q, %v", mode, check, err)
	}
	entries, err := os.ReadDir(filepath.Dir(f.Name()))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v, want only the backup", entries, err)
	}
}

// betweenSteps is a context that calls do whenever it is asked whether to stop, and stops after many times.
type betweenSteps struct {
	context.Context //nolint:containedctx // It is a context.

	do    func()
	asked atomic.Int64
}

func (c *betweenSteps) Err() error {
	if c.asked.Add(1) > 100 {
		return context.Canceled
	}
	c.do()
	return nil
}

// TestBackupDoesNotStartAgain writes between all steps of a backup. Outside of a transaction SQLite would start again
// each time, and never end.
func TestBackupDoesNotStartAgain(t *testing.T) {
	s := open(t, storetest.URLs["sqlite"](t))
	fillPages(t, "sqlite", s)
	f, err := os.Create(filepath.Join(t.TempDir(), "backup"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx := &betweenSteps{Context: t.Context(), do: func() {
		if err := s.Exec(t.Context(), `UPDATE users SET credentials_version = credentials_version + 1 WHERE id = (SELECT min(id) FROM users)`); err != nil {
			t.Error(err)
		}
	}}
	if err := s.Backup(ctx, f); err != nil {
		t.Errorf("Backup: %v, after %d writes", err, ctx.asked.Load())
	}
	if ctx.asked.Load() < 3 {
		t.Errorf("only %d writes between steps", ctx.asked.Load())
	}
}
