package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
)

// TestInterrupted ends a command by a signal before it is done.
func TestInterrupted(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("usher.db", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	file := filepath.Join(t.TempDir(), "backup")
	status := run(&invocation{ctx: ctx, stdin: os.Stdin, stdout: &stdout, stderr: &stderr}, []string{"backup", file, "--database-url", "sqlite:usher.db"})
	if want := "usher: " + file + " was not written: "; status != 1 || !bytes.HasPrefix(stderr.Bytes(), []byte(want)) || !bytes.HasSuffix(stderr.Bytes(), []byte("interrupted\n")) {
		t.Errorf("status %d, %s", status, &stderr)
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a backup")
	}
}
