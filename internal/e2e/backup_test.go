//go:build e2e

package e2e

import (
	"context"
	"database/sql"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/pgtest"
	"usher/internal/storetest"
)

// backupIssuer is the issuer of the server that is backed up and of the one that continues from the backup.
const backupIssuer = "http://127.0.0.1:1"

// empty returns for each kind of database the URL of a new, empty one.
var empty = map[string]func(t testing.TB) string{
	"sqlite":   func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "restored.db") },
	"postgres": pgtest.URL,
}

// TestBackupUnderLoad backs a server up while clients write 200 times a second, restores the backup elsewhere and starts
// a second server on it with the same secret. Every write that was acknowledged before the backup began is there.
func TestBackupUnderLoad(t *testing.T) {
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			database := url(t)
			s := start(t, database, "--issuer", backupIssuer)
			populate(t, database, 100)
			fillEvents(t, name, database)
			l := newLoad(t, s.url)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var load sync.WaitGroup
			load.Go(func() { l.run(ctx) })
			l.await(t, 300)

			file := filepath.Join(t.TempDir(), "backup")
			before, begin := l.acknowledged(), time.Now()
			digest := usher(t, database, "backup", file)
			end := time.Now()
			l.await(t, l.acknowledged().writes+200)
			stop()
			load.Wait()
			after := l.acknowledged()
			check := exec.Command("sha256sum", "-c")
			check.Stdin = strings.NewReader(digest)
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("sha256sum -c: %v\n%s", err, out)
			}
			info, err := os.Stat(file)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d writes acknowledged before the backup, %d in all, %.0f a second, %d refused; the backup took %v and has %.1f MB; p99 of a sign-in %v before, %v during, of a refresh %v before, %v during",
				before.writes, after.writes, l.rate(), l.refused, end.Sub(begin).Round(time.Millisecond), float64(info.Size())/1e6,
				l.p99("login", time.Time{}, begin), l.p99("login", begin, end), l.p99("refresh", time.Time{}, begin), l.p99("refresh", begin, end))

			restored := empty[name](t)
			t.Log(usher(t, restored, "restore", file, "--verify"))
			second := start(t, restored, "--issuer", backupIssuer)
			l.compare(t, name, second.url, restored, before, after)
		})
	}
}

// command returns an operator's command that has not started. It has the secret of the server.
func command(t *testing.T, database string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"USHER_DATABASE_URL=" + database, "USHER_SECRET_KEY=" + secret, "PATH=" + os.Getenv("PATH"), "USHER_LOG_LEVEL=warn"}
	return cmd
}

// pastStore opens a database past the store.
func pastStore(t *testing.T, database string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", database
	if path, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, dsn = "sqlite", path+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// fillEvents makes the database large enough that a backup takes a while.
func fillEvents(t *testing.T, kind, database string) {
	t.Helper()
	id, at := `'01940000-0000-7000-8000-' || substr('000000000000' || n, 1 + length('' || n))`, `'2030-01-04 00:00:00+00:00'`
	noise := `hex(randomblob(32))` // a dump compresses the rest
	if kind == "postgres" {
		id, at, noise = "CAST("+id+" AS uuid)", "CAST("+at+" AS timestamptz)", "md5('a' || n) || md5('b' || n)"
	}
	if _, err := pastStore(t, database).ExecContext(t.Context(), `
		WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 60000)
		INSERT INTO audit_events (id, at, kind, user_agent) SELECT `+id+`, `+at+`, 'LOGIN', `+noise+` FROM numbers`); err != nil {
		t.Fatal(err)
	}
}

// TestBackupKilled kills a backup half way. There is no file with its name, and pg_dump does not go on.
func TestBackupKilled(t *testing.T) {
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := url(t)
			fillEvents(t, name, database)
			folder := t.TempDir()
			cmd := command(t, database, "backup", filepath.Join(folder, "backup"))
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			for size := int64(0); size == 0; { // until something is written
				parts, err := filepath.Glob(filepath.Join(folder, "backup*"))
				if err != nil {
					t.Fatal(err)
				}
				if len(parts) > 0 {
					if info, err := os.Stat(parts[0]); err == nil {
						size = info.Size()
					}
				}
			}
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err == nil {
				t.Fatal("the backup was complete before the kill")
			}
			if _, err := os.Stat(filepath.Join(folder, "backup")); !os.IsNotExist(err) {
				t.Errorf("there is a file with the name of the backup: %v", err)
			}
			if name == "postgres" {
				awaitNoDump(t, database)
			}
		})
	}
}

// awaitNoDump waits until pg_dump has left the server.
func awaitNoDump(t *testing.T, database string) {
	t.Helper()
	db := pastStore(t, database)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for range ticks(ctx, 50*time.Millisecond) {
		var n int
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'usher backup'`).Scan(&n); err == nil && n == 0 {
			return
		}
	}
	t.Error("pg_dump goes on after the kill")
}

// TestBackupFullDisk writes to a file system with too little space. The error says so, and nothing is left there.
func TestBackupFullDisk(t *testing.T) {
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := url(t)
			fillEvents(t, name, database)
			folder := t.TempDir()
			script := `mount -t tmpfs -o size=1m none "$1" && { "$0" backup "$1/backup"; ls -A "$1"; }`
			inside := command(t, database)
			namespace := []string{"--mount"}
			if os.Geteuid() != 0 {
				namespace = append(namespace, "--map-root-user") // may mount, too
			}
			cmd := exec.CommandContext(t.Context(), "unshare", append(namespace, "sh", "-c", script, binary, folder)...)
			cmd.Dir, cmd.Env = inside.Dir, inside.Env
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, err := cmd.Output()
			if err != nil {
				t.Fatalf("a mount namespace is needed (unshare of util-linux): %v\n%s", err, stderr.String())
			}
			if !strings.Contains(stderr.String(), "backup was not written: ") || !strings.Contains(stderr.String(), "full") && !strings.Contains(stderr.String(), "no space") {
				t.Errorf("the error is %q", stderr.String())
			}
			if len(out) > 0 {
				t.Errorf("the folder has %s", out)
			}
		})
	}
}
