package store_test

import (
	"bytes"
	"database/sql"
	"os"
	osexec "os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"usher/internal/store"
	"usher/internal/storetest"
)

// TestLogShipping does to a database what Litestream does, which ships the write-ahead log: it holds a read transaction,
// copies the database file once, and from then on only what is appended to the log. For this to be complete, a store may
// never begin the log again or truncate it meanwhile, not even when it is closed. The copy then has every row.
func TestLogShipping(t *testing.T) {
	at := storetest.URLs["sqlite"](t)
	file := strings.TrimPrefix(at, "sqlite:")
	s, err := store.Open(t.Context(), at, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fillUsers(t, "sqlite", s, 50)

	shipper, err := sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(5000)&_pragma=wal_autocheckpoint(0)")
	if err != nil {
		t.Fatal(err)
	}
	defer shipper.Close()
	tx, err := shipper.BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	var users int
	if err := tx.QueryRowContext(t.Context(), `SELECT count(*) FROM users`).Scan(&users); err != nil || users != 50 {
		t.Fatalf("%d users, %v", users, err)
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	// Another process copies the file: closing it in this one could release locks that SQLite holds.
	if out, err := osexec.CommandContext(t.Context(), "cp", file, copied).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v\n%s", err, out)
	}
	var log []byte
	ship := func() {
		now, err := os.ReadFile(file + "-wal") // SQLite has its locks on other files
		if err != nil {
			t.Errorf("the log is gone: %v", err)
		}
		if !bytes.HasPrefix(now, log) {
			t.Errorf("the log was begun again or truncated after %d bytes, and has %d now", len(log), len(now))
		}
		log = now
	}
	// Several times the 1000 pages after which SQLite checkpoints by itself.
	const pages, page = 4000, 4096
	for range 4 {
		fillSessions(t, "sqlite", s, 5000, 50)
		ship()
		if err := s.Exec(t.Context(), `DELETE FROM sessions`); err != nil {
			t.Fatal(err)
		}
		ship()
	}
	fillSessions(t, "sqlite", s, 1000, 50)
	want := tables(t, "sqlite", s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ship()
	if len(log) < pages*page {
		t.Errorf("the log has only %d bytes, so SQLite had nothing to checkpoint", len(log))
	}
	if err := os.WriteFile(copied+"-wal", log, 0o600); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, tables(t, "sqlite", open(t, "sqlite:"+copied))); diff != "" {
		t.Errorf("tables (-database +copy):\n%s", diff)
	}
}
