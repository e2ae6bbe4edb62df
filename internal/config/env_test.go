package config

import (
	"bytes"
	"errors"
	"fmt"
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
	for text, line := range map[string]int{
		"A=b\nc4n4ry":                 2,
		"A='c4n4ry":                   1,
		"c4n4ry c4n4ry=c4n4ry":        1,
		"-c4n4ry=c4n4ry":              1,
		"=c4n4ry":                     1,
		"A=b\r\n\r\nc4n4ry\r\nB=c":    3,
		"# c4n4ry\nA='b\nc'\n-c4n4ry": 4,
		"A='b\nc'\nB=\"c4n4ry\n\nC=d": 3,
		"A=b\nUSHER_ISSUR=c4n4ry\n":   2,
		"USHER_A='b\nc4n4ry'\nB=c":    1,
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := ReadEnv(file, unset)
		if err == nil || strings.Contains(err.Error(), "c4n4ry") || !strings.Contains(err.Error(), fmt.Sprintf("%s: line %d: ", file, line)) {
			t.Errorf("%q: got %v, want line %d", text, err, line)
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
		if err != nil {
			line := lineAfter(text, func(map[string]string) bool { return true })
			if line < 1 || line > 1+bytes.Count(text, []byte("\n")) {
				t.Errorf("the error is in line %d", line)
			}
		}
		for name := range values {
			if strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.") != "" || name == "" {
				t.Errorf("accepted the name %q", name)
			}
		}
	})
}
