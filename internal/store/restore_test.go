package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/store"
	"usher/internal/storetest"
)

// TestRestoreMailsAndSessions tests what a restore changes: by default it drops the mails in the queue, because the server
// has sent most of them after the backup. On request it ends all sessions.
func TestRestoreMailsAndSessions(t *testing.T) {
	for _, c := range []struct {
		options      store.RestoreOptions
		queued, live int
	}{
		{store.RestoreOptions{}, 0, 200},
		{store.RestoreOptions{KeepMail: true}, 2, 200},
		{store.RestoreOptions{EndSessions: true}, 0, 0},
	} {
		for name, at := range empty {
			t.Run(fmt.Sprintf("%s/KeepMail=%t,EndSessions=%t", name, c.options.KeepMail, c.options.EndSessions), func(t *testing.T) {
				t.Parallel()
				s := open(t, storetest.URLs[name](t))
				fill(t, name, s)
				restored := restore(t, at(t), backUp(t, s), c.options)
				for query, want := range map[string]int{
					`SELECT count(*) FROM mail_messages WHERE state = 'QUEUED'`:                                   c.queued,
					`SELECT count(*) FROM mail_messages WHERE state = 'DROPPED'`:                                  4 - c.queued,
					`SELECT count(*) FROM mail_messages WHERE state = 'SENT'`:                                     196,
					`SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > '2030-01-05 00:00:00'`: c.live,
				} {
					var got int
					if err := restored.Get(t.Context(), &got, query); err != nil || got != want {
						t.Errorf("%s: %d, %v, want %d", query, got, err, want)
					}
				}
			})
		}
	}
}

// TestRestoreOlder restores a backup of each older schema, also of those without mails.
func TestRestoreOlder(t *testing.T) {
	for name, at := range empty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, at(t))
			for _, version := range versions(t, s) {
				if err := s.UpTo(t.Context(), version); err != nil {
					t.Fatal(err)
				}
				rows, err := os.ReadFile(fmt.Sprintf("testdata/fill/%05d.sql", version))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Exec(t.Context(), string(rows)); err != nil {
					t.Fatal(err)
				}
				if version%4 != 0 && version != s.Latest()-1 {
					continue // each takes a second
				}
				restored := restore(t, at(t), backUp(t, s), store.RestoreOptions{EndSessions: true})
				c, err := restored.Contents(t.Context(), restoreNow)
				if err != nil || c.Version != s.Latest() || c.Users == 0 || c.LiveSessions != 0 {
					t.Errorf("a backup of version %d is restored as %+v, %v", version, c, err)
				}
			}
		})
	}
}

// TestRestoreRefuses tests that a restore that fails leaves nothing: no file beside those that were there, and no table.
func TestRestoreRefuses(t *testing.T) {
	backups := map[string][]byte{}
	newer := map[string][]byte{}
	for name := range empty {
		s := open(t, storetest.URLs[name](t))
		fill(t, name, s)
		backups[name] = contentOf(t, backUp(t, s))
		if err := s.Exec(t.Context(), fmt.Sprintf(`INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, true)`, s.Latest()+1)); err != nil {
			t.Fatal(err)
		}
		newer[name] = contentOf(t, backUp(t, s))
	}
	other := map[string]string{"sqlite": "postgres", "postgres": "sqlite"}
	failed := errors.New("failed check")
	for name, at := range empty {
		half := len(backups[name]) / 2
		for what, c := range map[string]struct {
			backup []byte
			want   string
			check  func(context.Context, *store.Store) error
		}{
			"empty file":     {nil, "no backup", nil},
			"other text":     {[]byte("-- PostgreSQL database dump\n"), "no backup", nil},
			"other kind":     {backups[other[name]], "--database-url", nil},
			"only the magic": {backups[name][:16], "", nil},
			"cut":            {backups[name][:half], map[string]string{"sqlite": "the backup is damaged", "postgres": "end of file"}[name], nil},
			"damaged":        {append(append(bytes.Clone(backups[name][:half]), bytes.Repeat([]byte{0xA5}, 9000)...), backups[name][half+9000:]...), "", nil},
			"newer":          {newer[name], "newer release", nil},
			"check fails":    {backups[name], "failed check", func(context.Context, *store.Store) error { return failed }},
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				at := at(t)
				err := store.Restore(t.Context(), at, fileWith(t, c.backup), store.RestoreOptions{Check: c.check, Options: store.Options{Now: time.Now}})
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("Restore: %v, want an error with %q", err, c.want)
				}
				if c.check != nil && name == "postgres" {
					if !strings.Contains(err.Error(), "Drop the database") {
						t.Errorf("the error does not say what to do: %v", err)
					}
					return // the rows were restored in one transaction, and stay
				}
				wantNothing(t, at)
			})
		}
	}
}

// wantNothing fails unless a database is as empty as before.
func wantNothing(t *testing.T, at string) {
	t.Helper()
	if file, ok := strings.CutPrefix(at, "sqlite:"); ok {
		if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) > 0 {
			t.Errorf("the folder has %v, %v", entries, err)
		}
		return
	}
	var n int
	if err := open(t, at).Get(t.Context(), &n, `SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace`); err != nil || n > 0 {
		t.Errorf("the database has %d relations, %v", n, err)
	}
}

func contentOf(t *testing.T, f *os.File) []byte {
	t.Helper()
	content, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func fileWith(t *testing.T, content []byte) *os.File {
	t.Helper()
	name := filepath.Join(t.TempDir(), "backup")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestRestoreReplacesNothing restores into databases that are in use.
func TestRestoreReplacesNothing(t *testing.T) {
	for name := range empty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := storetest.URLs[name](t)
			s := open(t, at)
			backup := backUp(t, s)
			fillUsers(t, name, s, 3) // after the backup
			notEmpty := new(store.NotEmptyError)
			if err := store.Restore(t.Context(), at, backup, store.RestoreOptions{}); !errors.As(err, &notEmpty) {
				t.Errorf("Restore: %v, want a NotEmptyError", err)
			}
			var users int
			if err := s.Get(t.Context(), &users, `SELECT count(*) FROM users`); err != nil || users != 3 {
				t.Errorf("the database has %d users, %v, want 3", users, err)
			}
		})
	}
}

// TestRestoreBesideLog restores to a path where an earlier database has left its write-ahead log. SQLite would read it as if
// it were that of the restored one. It also restores a file whose own log is beside it, without which it is not complete.
func TestRestoreBesideLog(t *testing.T) {
	s := open(t, storetest.URLs["sqlite"](t))
	backup := backUp(t, s)
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		file := filepath.Join(t.TempDir(), "usher.db")
		if err := os.WriteFile(file+suffix, []byte("log"), 0o600); err != nil {
			t.Fatal(err)
		}
		notEmpty := new(store.NotEmptyError)
		if err := store.Restore(t.Context(), "sqlite:"+file, backup, store.RestoreOptions{}); !errors.As(err, &notEmpty) {
			t.Errorf("Restore beside %s: %v, want a NotEmptyError", suffix, err)
		}
	}
	live := fileWith(t, contentOf(t, backup))
	if err := os.WriteFile(live.Name()+"-wal", []byte("log"), 0o600); err != nil {
		t.Fatal(err)
	}
	at := empty["sqlite"](t)
	if err := store.Restore(t.Context(), at, live, store.RestoreOptions{}); err == nil || !strings.Contains(err.Error(), "usher backup") {
		t.Errorf("Restore of a database in use: %v", err)
	}
	wantNothing(t, at)
}

// TestRestoreTogether restores several times at once into one database. Exactly one restore succeeds.
func TestRestoreTogether(t *testing.T) {
	for name, at := range empty {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, storetest.URLs[name](t))
			fill(t, name, s)
			backup := backUp(t, s)
			at := at(t)
			var succeeded atomic.Int64
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					f, err := os.Open(backup.Name())
					if err != nil {
						t.Error(err)
						return
					}
					defer f.Close()
					if store.Restore(t.Context(), at, f, store.RestoreOptions{KeepMail: true}) == nil {
						succeeded.Add(1)
					}
				})
			}
			all.Wait()
			if succeeded.Load() != 1 {
				t.Errorf("%d restores succeeded, want 1", succeeded.Load())
			}
			if diff := cmp.Diff(tables(t, name, s), tables(t, name, open(t, at))); diff != "" {
				t.Errorf("tables (-backed up +restored):\n%s", diff)
			}
		})
	}
}

// FuzzVersions reads any rows as those of goose_db_version in a dump.
func FuzzVersions(f *testing.F) {
	f.Add("1\t0\tt\t2030-01-04 00:00:00\n2\t14\tt\t2030-01-04 00:00:00")
	f.Add("1")
	f.Add("1\t-5\tt")
	f.Fuzz(func(t *testing.T, rows string) {
		if version, err := store.NewestVersion(strings.Split(rows, "\n")); version < 0 || err != nil && version != 0 {
			t.Errorf("version %d, %v", version, err)
		}
	})
}
