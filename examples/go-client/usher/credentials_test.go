package usher

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestFile(t *testing.T) {
	file := File(filepath.Join(t.TempDir(), "new", "credentials.json"))
	if _, err := file.Load(); !errors.Is(err, ErrSignedOut) {
		t.Errorf("with no file: %v", err)
	}
	for _, want := range []Credentials{{"https://one.example", "a", "b", "e"}, {"https://two.example", "c", "d", "f"}} {
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
		if err := file.SignOut(); err != nil {
			t.Error(err)
		}
		if _, err := file.Load(); !errors.Is(err, ErrSignedOut) {
			t.Errorf("after the sign-out: %v", err)
		}
		for server, want := range map[string]string{"https://one.example": "", "https://two.example": "f"} {
			if got, err := file.DeviceToken(server); got != want || err != nil {
				t.Errorf("the device token for %s is %q, %v; want %q", server, got, err, want)
			}
		}
		if raw, err := os.ReadFile(string(file)); err != nil || strings.Contains(string(raw), `"d"`) {
			t.Errorf("the file still has the refresh token: %s, %v", raw, err)
		}
	}
}

func TestSignOutWithoutDevice(t *testing.T) {
	file := File(filepath.Join(t.TempDir(), "credentials.json"))
	if err := file.Save(Credentials{Server: "https://one.example", AccessToken: "a", RefreshToken: "b"}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := file.SignOut(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(string(file)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the file stays: %v", err)
		}
	}
}
