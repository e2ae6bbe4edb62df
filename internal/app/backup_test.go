package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/storetest"
)

func TestBackup(t *testing.T) {
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := config.Database{URL: config.DatabaseURL(url(t))}
			folder := t.TempDir()
			file := filepath.Join(folder, "backup")
			digest, err := app.Backup(t.Context(), database, file, false, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if sum := sha256.Sum256(content); digest != hex.EncodeToString(sum[:]) {
				t.Errorf("the digest is %s, want %x", digest, sum)
			}
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("the mode is %v, %v", info.Mode(), err)
			}

			// What fails leaves the file as it was, and nothing beside it.
			cancelled, cancel := context.WithCancel(t.Context())
			cancel()
			missing := database
			missing.URL = config.DatabaseURL(strings.Replace(string(database.URL), "usher", "missing", 2))
			for what, backup := range map[string]func() (string, error){
				"without force": func() (string, error) {
					return app.Backup(t.Context(), database, file, false, slog.New(slog.DiscardHandler))
				},
				"cancelled": func() (string, error) {
					return app.Backup(cancelled, database, file, true, slog.New(slog.DiscardHandler))
				},
				"no database": func() (string, error) {
					return app.Backup(t.Context(), missing, file, true, slog.New(slog.DiscardHandler))
				},
			} {
				if digest, err := backup(); err == nil || digest != "" {
					t.Errorf("%s: digest %q, %v, want an error", what, digest, err)
				}
				if after, err := os.ReadFile(file); err != nil || string(after) != string(content) {
					t.Errorf("%s: the file changed, %v", what, err)
				}
				if entries, err := os.ReadDir(folder); err != nil || len(entries) != 1 {
					t.Errorf("%s: the folder has %v, %v", what, entries, err)
				}
			}
		})
	}
}

// TestBackupOverDatabase names the database as the file of its own backup, also by a link.
func TestBackupOverDatabase(t *testing.T) {
	t.Parallel()
	at := storetest.URLs["sqlite"](t)
	path := strings.TrimPrefix(at, "sqlite:")
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, link} {
		_, err := app.Backup(t.Context(), config.Database{URL: config.DatabaseURL(at)}, file, true, slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), "is the database itself") {
			t.Errorf("%s: %v", file, err)
		}
		if after, err := os.Stat(path); err != nil || !os.SameFile(before, after) {
			t.Errorf("%s: another file has replaced the database, %v", file, err)
		}
	}
}

// TestBackupToSlowReader looks into the folder of temporary files while a reader keeps a backup waiting: a process that is
// killed then must leave nothing there.
func TestBackupToSlowReader(t *testing.T) {
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			database := config.Database{URL: config.DatabaseURL(url(t))}
			folder := t.TempDir()
			t.Setenv("TMPDIR", folder)
			var received bytes.Buffer
			err := app.BackupTo(t.Context(), database, writer(func(p []byte) (int, error) {
				if entries, err := os.ReadDir(folder); err != nil || len(entries) != 0 {
					t.Errorf("the folder has %v, %v", entries, err)
				}
				return received.Write(p)
			}), slog.New(slog.DiscardHandler))
			if err != nil || received.Len() == 0 {
				t.Errorf("%d bytes, %v", received.Len(), err)
			}
		})
	}
}

type writer func([]byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }
