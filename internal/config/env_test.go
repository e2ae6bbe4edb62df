package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestReadEnv(t *testing.T) {
	unset := func(string) (string, bool) { return "", false }
	env, err := ReadEnv(filepath.Join(t.TempDir(), "none"), unset)
	if err != nil {
		t.Fatalf("a file that does not exist: %v", err)
	}
	if name, value := env.lookup([]string{"A"}); name != "" || value != "" {
		t.Errorf("got %s=%s from an empty Env", name, value)
	}

	file := filepath.Join(t.TempDir(), ".env")
	for _, text := range []string{"A=b\nc4n4ry", "A='c4n4ry", "c4n4ry c4n4ry=c4n4ry", "-c4n4ry=c4n4ry", "=c4n4ry"} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadEnv(file, unset)
		if err == nil || strings.Contains(err.Error(), "c4n4ry") || !strings.Contains(err.Error(), file) {
			t.Errorf("%q: got %v", text, err)
		}
	}
	if _, err := ReadEnv(t.TempDir(), unset); err == nil {
		t.Error("read a folder as a file")
	}
}

func FuzzParseEnv(f *testing.F) {
	for _, seed := range []string{"A=b", "export A='b c' # d", "# a\r\nB: \"c\\n$A\"", "A=", "=", "A='", "\xff", "A\nB=c"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := parseEnv(text)
		if err != nil && !errors.Is(err, errNotEnv) {
			t.Errorf("the error may quote the file: %v", err)
		}
		for name := range values {
			if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.") != "" || name == "" {
				t.Errorf("accepted the name %q", name)
			}
		}
	})
}
