package atomicfile_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"usher/internal/atomicfile"
)

func write(t *testing.T, name, content string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func want(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != len(files) {
		t.Errorf("the folder has %v, %v, want %v", entries, err, files)
	}
	for name, content := range files {
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(got) != content {
			t.Errorf("%s has %q, %v, want %q", name, got, err, content)
		}
	}
}

func TestPublish(t *testing.T) {
	for _, replace := range []bool{false, true} {
		folder := t.TempDir()
		if err := atomicfile.Publish(write(t, filepath.Join(folder, "new.tmp"), "new"), filepath.Join(folder, "name"), replace); err != nil {
			t.Errorf("replace %t: %v", replace, err)
		}
		want(t, folder, map[string]string{"name": "new"})
	}
}

func TestPublishOverExisting(t *testing.T) {
	folder := t.TempDir()
	name := write(t, filepath.Join(folder, "name"), "old")
	file := write(t, filepath.Join(folder, "new.tmp"), "new")
	if err := atomicfile.Publish(file, name, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("without replace: %v, want %v", err, fs.ErrExist)
	}
	want(t, folder, map[string]string{"name": "old", "new.tmp": "new"})
	if err := atomicfile.Publish(file, name, true); err != nil {
		t.Errorf("with replace: %v", err)
	}
	want(t, folder, map[string]string{"name": "new"})
}

func TestPublishNothing(t *testing.T) {
	folder := t.TempDir()
	if err := atomicfile.Publish(filepath.Join(folder, "missing"), filepath.Join(folder, "name"), true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Publish of a missing file: %v", err)
	}
	want(t, folder, nil)
}

// TestPublishTogether publishes two files under one name at once. Exactly one gets it.
func TestPublishTogether(t *testing.T) {
	for range 50 {
		folder := t.TempDir()
		files := []string{write(t, filepath.Join(folder, "a.tmp"), "a"), write(t, filepath.Join(folder, "b.tmp"), "b")}
		var published atomic.Int64
		var both sync.WaitGroup
		for _, file := range files {
			both.Go(func() {
				switch err := atomicfile.Publish(file, filepath.Join(folder, "name"), false); {
				case err == nil:
					published.Add(1)
				case !errors.Is(err, fs.ErrExist):
					t.Error(err)
				}
			})
		}
		both.Wait()
		if published.Load() != 1 {
			t.Errorf("%d files were published under one name", published.Load())
		}
	}
}
