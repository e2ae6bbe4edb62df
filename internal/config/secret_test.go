package config

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestSecretIsNotPrinted(t *testing.T) {
	const canary = "c4n4ry"
	secret := NewSecret(canary)
	type private struct{ secret Secret }
	type public struct{ Secret Secret }
	var out strings.Builder
	values := []any{secret, &secret, private{secret}, &private{secret}, public{secret}, []Secret{secret}}
	for _, value := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
			fmt.Fprintf(&out, verb+"\n", value)
		}
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(text)
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).LogAttrs(t.Context(), slog.LevelInfo, "", slog.Any("value", value))
		}
	}
	for _, leak := range []string{canary, fmt.Sprintf("%x", canary), strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]")} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%s is in\n%s", leak, out.String())
		}
	}
	if !strings.Contains(out.String(), "[redacted]") {
		t.Errorf("the redaction is not shown:\n%s", out.String())
	}
	if got := string(secret.Reveal()); got != canary {
		t.Errorf("Reveal: got %q", got)
	}
}

func TestSecretIsNotAFlag(t *testing.T) {
	for _, args := range [][]string{{"--secret-key", "c4n4ry"}, {"--secret-key=c4n4ry"}, {"--secret-key"}} {
		_, err := parse(t, append([]string{"serve", "--dev"}, args...), nil, "")
		if err == nil || !strings.Contains(err.Error(), "set $USHER_SECRET_KEY") || strings.Contains(err.Error(), "c4n4ry") {
			t.Errorf("%v: got %v", args, err)
		}
	}
	_, err := parse(t, []string{"serve", "--dev", "--smtp-url=smtp://ada:c4n4ry@localhost"}, nil, "")
	if err == nil || !strings.Contains(err.Error(), "set $USHER_SMTP_URL") || strings.Contains(err.Error(), "c4n4ry") {
		t.Errorf("got %v", err)
	}
}

func TestServerSecret(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("good", "\nfrom a file\r\n")
	write("empty", "\n")
	write("large", strings.Repeat("x", maxSecret+1))
	tests := []struct {
		name   string
		server Server
		want   string // "" for an error
	}{
		{"environment", Server{Keys: Keys{SecretKey: NewSecret("from the environment")}, Dev: true}, "from the environment"},
		{"file", Server{Keys: Keys{SecretKeyFile: "good"}, Dev: true}, "from a file"},
		{"no file", Server{Keys: Keys{SecretKeyFile: "none"}, Dev: true}, ""},
		{"empty file", Server{Keys: Keys{SecretKeyFile: "empty"}}, ""},
		{"large file", Server{Keys: Keys{SecretKeyFile: "large"}}, ""},
		{"folder", Server{Keys: Keys{SecretKeyFile: "."}}, ""},
		{"nothing", Server{}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			secret, err := tt.server.Secret()
			if got := string(secret.Reveal()); got != tt.want || (err == nil) != (tt.want != "") {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
	if _, err := os.Stat(DevFolder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("created a secret that was not needed: %v", err)
	}

	made, err := (&Server{Dev: true}).Secret()
	if err != nil {
		t.Fatal(err)
	}
	if random, err := base64.RawURLEncoding.DecodeString(string(made.Reveal())); err != nil || len(random) != 32 {
		t.Errorf("created %d bytes, %v", len(random), err)
	}
	for path, want := range map[string]fs.FileMode{DevFolder: fs.ModeDir | 0o700, filepath.Join(DevFolder, "secret.key"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	again, err := (&Server{Dev: true}).Secret()
	if err != nil || !equalSecrets(made, again) {
		t.Errorf("the second start has a different secret: %v", err)
	}
}

func TestConcurrentStartsShareSecret(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "a", "b")
	const starts = 50
	secrets := make(chan string, starts)
	var group sync.WaitGroup
	for range starts {
		group.Go(func() {
			secret, err := loadOrCreateSecret(folder)
			if err != nil {
				t.Error(err)
			}
			secrets <- string(secret.Reveal())
		})
	}
	group.Wait()
	close(secrets)
	first := <-secrets
	for secret := range secrets {
		if secret != first || secret == "" {
			t.Fatal("two starts have different secrets")
		}
	}
	if files, err := os.ReadDir(folder); err != nil || len(files) != 1 {
		t.Errorf("left %v behind, %v", files, err)
	}
}

func TestSecretReadableByOthers(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "secret.key")
	if err := os.WriteFile(path, []byte("c4n4ry"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, ok := range map[fs.FileMode]bool{0o600: true, 0o400: true, 0o640: false, 0o604: false, 0o620: false} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		secret, err := loadOrCreateSecret(folder)
		if (err == nil) != ok || secret.IsZero() == ok {
			t.Errorf("mode %o: got %v", mode, err)
		}
	}
}

// TestReadableSecret checks that there is a warning for each secret file that other users can read, and for
// no other file.
func TestReadableSecret(t *testing.T) {
	folder := t.TempDir()
	file, env := filepath.Join(folder, "key"), filepath.Join(folder, ".env")
	tests := []struct {
		name      string
		env       string
		mode      fs.FileMode
		file, dot bool // what is warned of
	}{
		{"for the owner", "USHER_SECRET_KEY=classified", 0o600, false, false},
		{"for the owner to read", "USHER_SECRET_KEY=classified", 0o400, false, false},
		{"for the group", "USHER_SECRET_KEY=classified", 0o640, true, true},
		{"for all", "USHER_SECRET_KEY=classified", 0o644, true, true},
		{"as Docker does", "SECRET_KEY=classified", 0o444, true, true},
		{"no secret", "USHER_LISTEN=:80\nUSHER_SECRET_KEY=\nUSHER_SECRET_KEY_FILE=key", 0o644, true, false},
		{"database without a password", "DATABASE_URL=postgres://usher@db/usher\nUSHER_DATABASE_URL=sqlite:a.db", 0o644, true, false},
		{"database with a password", "DATABASE_URL=postgres://usher:classified@db/usher", 0o644, true, true},
		{"database, password as a parameter", "USHER_DATABASE_URL=postgres://db/usher?password=classified", 0o644, true, true},
		{"database, odd password", "USHER_DATABASE_URL=postgres://usher:class/ified@db/usher", 0o644, true, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, path := range []string{file, env} {
				if err := os.WriteFile(path, []byte(tt.env), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.Chmod(path, tt.mode); err != nil {
					t.Fatal(err)
				}
			}
			read, err := ReadEnv(env, func(string) (string, bool) { return "", false })
			if err != nil {
				t.Fatal(err)
			}
			s := Server{SessionIdle: time.Hour, Keys: Keys{SecretKeyFile: file}}
			for path, got := range map[string]struct {
				warnings []string
				want     bool
			}{file: {s.Warnings(), tt.file}, env: {read.Warnings(), tt.dot}} {
				text := strings.Join(got.warnings, "\n")
				if !got.want {
					if text != "" {
						t.Errorf("warned: %s", text)
					}
					continue
				}
				if !strings.Contains(text, "chmod 600 "+path) || !strings.Contains(text, fmt.Sprintf("mode %#o", tt.mode)) || strings.Contains(text, "classified") {
					t.Errorf("got %q", text)
				}
			}
		})
	}
	if w := readableByOthers(filepath.Join(folder, "none")); w != nil {
		t.Errorf("a file that does not exist: %q", w)
	}
}

// TestErrorsHoldNoSecret sets each setting to an invalid value while the secret settings have known values.
// No error may contain those.
func TestErrorsHoldNoSecret(t *testing.T) {
	const canary = "c4n4ry"
	for _, setting := range settings() {
		environment := map[string]string{"SECRET_KEY": canary, "USHER_SMTP_URL": "smtp://ada:" + canary + "@%zz", "DATABASE_URL": "postgres://u:" + canary + "@%zz:x/\x00"}
		if name := variables(setting.Value)[0]; setting.Name != "secret-key" && setting.Name != "smtp-url" && setting.Name != "database-url" {
			environment[name] = "\x00"
		}
		c, err := parse(t, []string{"serve"}, environment, "")
		if err != nil && strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", setting.Name, err)
		}
		if printed := c.Serve.URL.String(); strings.Contains(printed, canary) {
			t.Errorf("%s: %s", setting.Name, printed)
		}
	}
}
