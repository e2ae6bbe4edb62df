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

// Secret is a value that is never printed. A closure holds it, because fmt prints the private fields of a
// struct without calling their String methods.
type Secret struct {
	reveal func() string
}

// NewSecret returns a Secret that holds value without surrounding white space. Editors and echo end a
// file with a newline, and some tools copy that into a variable.
func NewSecret(value string) Secret {
	value = strings.TrimSpace(value)
	if value == "" {
		return Secret{}
	}
	return Secret{func() string { return value }}
}

// Reveal returns the secret, or nil if s is zero.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return []byte(s.reveal())
}

// IsZero reports whether s holds no secret.
func (s Secret) IsZero() bool { return s.reveal == nil }

// String returns the same text for every secret.
func (Secret) String() string { return "[redacted]" }

// MarshalText is String.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Decode implements kong.MapperValue. It accepts a Secret from Env and rejects a value from the command
// line, which every user of the machine can read.
func (s *Secret) Decode(ctx *kong.DecodeContext) error {
	given, ok := ctx.Scan.Pop().Value.(Secret)
	if !ok {
		return errors.New("a secret cannot be passed as a flag; set $" + variables(ctx.Value)[0])
	}
	*s = given
	return nil
}

var errNoSecret = errors.New(`no secret is set: create one with (umask 077; ` +
	`echo "USHER_SECRET_KEY=$(head -c 32 /dev/urandom | base64)" >> .env), pass a file with --secret-key-file, ` +
	`or use --dev on your own machine`)

// DevFolder is the folder of the secret that --dev creates.
const DevFolder = "data"

// Secret returns the server's secret from the environment or from the file. With --dev and neither, it
// creates one in data/secret.key. It does not check how strong the secret is; see token.CheckSecret.
func (s *Server) Secret() (Secret, error) {
	secret, err := s.Keys.Secret()
	if errors.Is(err, errNoSecret) && s.Dev {
		return loadOrCreateSecret(DevFolder)
	}
	return secret, err
}

// DevSecret returns the secret that --dev has created. It reports false if there is none yet.
func (*Server) DevSecret() (secret Secret, found bool, err error) {
	secret, err = readOwnSecret(filepath.Join(DevFolder, "secret.key"))
	if errors.Is(err, fs.ErrNotExist) {
		return Secret{}, false, nil
	}
	return secret, err == nil, err
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

// maxSecret is the maximum size of a secret file in bytes.
const maxSecret = 4 << 10

func readSecret(path string) (Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, unreadable(path, err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	_ = f.Close()
	if err != nil {
		return Secret{}, unreadable(path, err)
	}
	s := NewSecret(string(text))
	switch {
	case s.IsZero():
		return Secret{}, fmt.Errorf("the secret file %q is empty", path)
	case len(text) > maxSecret:
		return Secret{}, fmt.Errorf("the secret file %q has more than %d bytes", path, maxSecret)
	}
	return s, nil
}

// unreadable says that the file of a secret cannot be read, and why.
func unreadable(path string, err error) error {
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = at.Err
	}
	return fmt.Errorf("the secret file %q cannot be read: %w", path, err)
}

// readableByOthers returns a warning if other users can read a file. It is not an error, because Docker
// and Kubernetes mount secrets as files that all users of the container can read.
func readableByOthers(path string) []string {
	info, err := os.Stat(path)
	if err != nil || runtime.GOOS == "windows" {
		return nil
	}
	mode := info.Mode().Perm()
	if mode&0o044 == 0 {
		return nil
	}
	return []string{fmt.Sprintf("other users can read %s, which contains a secret (mode %#o): run chmod 600 %[1]s", path, mode)}
}

// loadOrCreateSecret reads the secret of a folder and creates it if it does not exist. Processes that
// create it at the same time all get the same secret.
func loadOrCreateSecret(folder string) (Secret, error) {
	path := filepath.Join(folder, "secret.key")
	s, err := readOwnSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err := createSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return Secret{}, fmt.Errorf("create a secret: %w", err)
	}
	return readOwnSecret(path)
}

// readOwnSecret is readSecret for a file that no other user may read. It does not fix the mode of a file,
// because others could have read the secret already.
func readOwnSecret(path string) (Secret, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Secret{}, unreadable(path, err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return Secret{}, fmt.Errorf("secret: other users can read %s (mode %#o): delete the file to create a new secret", path, mode)
	}
	return readSecret(path)
}

// createSecret writes a new secret to a file that must not exist. The file gets its name last, so that no
// process sees it incomplete.
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
