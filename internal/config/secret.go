package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/alecthomas/kong"
)

// Secret is a value that is not printed. It is held by a closure, because fmt looks through a
// struct's private fields without asking their methods.
type Secret struct {
	reveal func() string
}

// NewSecret returns a Secret that holds value, without the white space around it: editors and echo
// end a file with a newline, which some tools then copy into a variable.
func NewSecret(value string) Secret {
	value = strings.TrimSpace(value)
	if value == "" {
		return Secret{}
	}
	return Secret{func() string { return value }}
}

// Reveal returns the secret, nil when there is none.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return []byte(s.reveal())
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String returns the same for every secret.
func (Secret) String() string { return "[redacted]" }

// MarshalText is String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Decode implements kong.MapperValue. It takes a Secret from Env, and nothing from the command
// line, which every user of the machine can read.
func (s *Secret) Decode(ctx *kong.DecodeContext) error {
	given, ok := ctx.Scan.Pop().Value.(Secret)
	if !ok {
		return errors.New("a secret cannot be a flag; set $" + variables(ctx.Value)[0])
	}
	*s = given
	return nil
}

var errNoSecret = errors.New(`no secret to sign access tokens with. This makes one and keeps it:

    (umask 077; echo "USHER_SECRET_KEY=$(head -c 32 /dev/urandom | base64)" >> .env)

or name a file that holds one with --secret-key-file, or use --dev on your own machine`)

// devFolder is where --dev keeps its secret.
const devFolder = "data"

// Secret returns the server's secret: that of the environment, or of the file, or with --dev one
// that is made and kept in data/secret.key. Whether it is a good one is for the keys to judge.
func (s *Server) Secret() (Secret, error) {
	secret, err := s.Keys.Secret()
	if errors.Is(err, errNoSecret) && s.Dev {
		return loadOrCreateSecret(devFolder)
	}
	return secret, err
}

// Secret is Server.Secret without --dev.
func (k *Keys) Secret() (Secret, error) {
	switch {
	case !k.SecretKey.IsZero():
		return k.SecretKey, nil
	case k.SecretKeyFile != "":
		return readSecret(k.SecretKeyFile)
	default:
		return Secret{}, errNoSecret
	}
}

// maxSecret is the size of the largest file that can be meant as a secret, in bytes.
const maxSecret = 4 << 10

func readSecret(path string) (Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, fmt.Errorf("secret: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	_ = f.Close()
	if err != nil {
		return Secret{}, fmt.Errorf("secret: %w", err)
	}
	s := NewSecret(string(text))
	if s.IsZero() || len(text) > maxSecret {
		return Secret{}, fmt.Errorf("secret: %s: want 1 to %d bytes", path, maxSecret)
	}
	return s, nil
}

// readableByOthers returns a warning when other users may read a file. It is no more than that, for Docker
// and Kubernetes give secrets to a container as files that all of its users may read.
func readableByOthers(path string) []string {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" {
		return nil
	}
	mode := info.Mode().Perm()
	if mode&0o044 == 0 {
		return nil
	}
	return []string{fmt.Sprintf("other users may read %s, which holds a secret (mode %#o): chmod 600 %[1]s", path, mode)}
}

// loadOrCreateSecret reads the secret of a folder, which it makes when there is none. Of several
// processes that make one at once, all get the same.
func loadOrCreateSecret(folder string) (Secret, error) {
	path := filepath.Join(folder, "secret.key")
	s, err := readOwnSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err := createSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return Secret{}, fmt.Errorf("make a secret: %w", err)
	}
	return readOwnSecret(path)
}

// readOwnSecret is readSecret for a file that no other user may read. It does not repair one that
// others could have read already.
func readOwnSecret(path string) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Secret{}, fmt.Errorf("secret: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return Secret{}, fmt.Errorf("secret: other users may read %s (mode %#o): delete it, and it is made anew", path, mode)
	}
	return readSecret(path)
}

// createSecret writes a new secret to a file that must not exist yet. The file appears complete or
// not at all, for it gets its name last.
func createSecret(path string) error {
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(folder, "secret.*.tmp") // with mode 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails
	_, err = f.WriteString(base64.RawURLEncoding.EncodeToString(random[:]) + "\n")
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
