package usher

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestFile(t *testing.T) {
	file := File(filepath.Join(t.TempDir(), "new", "credentials.json"))
	if _, err := file.Load(); !errors.Is(err, ErrSignedOut) {
		t.Errorf("with no file: %v", err)
	}
	for _, want := range []Credentials{{"https://one.example", "a", "b"}, {"https://two.example", "c", "d"}} {
		if err := file.Save(want); err != nil {
			t.Fatal(err)
		}
		if got, err := file.Load(); got != want || err != nil {
			t.Errorf("loaded %v, %v; want %v", got, err, want)
		}
	}
	info, err := os.Stat(string(file))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("its mode is %v", info.Mode())
	}
	if entries, err := os.ReadDir(filepath.Dir(string(file))); len(entries) != 1 || err != nil {
		t.Errorf("beside the file: %v, %v", entries, err)
	}
	for range 2 {
		if err := file.Remove(); err != nil {
			t.Error(err)
		}
	}
}
