package config

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Settings are all settings of the server, in the order of the documentation.
type Settings struct {
	Server
	Passwords
	Database
	Log
}

// reloadable are the settings that a running server can change, by the names of their flags.
var reloadable = []string{
	"allowed-origins", "allowed-headers", "trusted-proxies", "rate-limits",
	"trusted-documents", "trusted-documents-mode",
	"smtp-url", "smtp-url-file", "mail-from", "mail-reply-to", "mail-templates", "mail-locale", "link-url", "app-name",
	"dkim-key-file", "dkim-selector", "dkim-domain",
	"breaches", "breaches-url", "breaches-timeout",
	"log-level",
}

// Reloadable returns the names of the settings that a running server can change, in the order of the documentation.
func Reloadable() []string {
	var names []string
	for _, s := range settings() {
		if slices.Contains(reloadable, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names
}

// ReloadableMarkdown returns the table of the settings that a running server can change.
func ReloadableMarkdown() string {
	var b strings.Builder
	b.WriteString("| flag | variable |\n| --- | --- |\n")
	for _, s := range settings() {
		if !slices.Contains(reloadable, s.Name) {
			continue
		}
		flag := "`--" + s.Name + "`"
		if s.Hidden {
			flag = ""
		}
		fmt.Fprintf(&b, "| %s | `%s` |\n", flag, strings.Join(variables(s.Value), "`, `"))
	}
	return b.String()
}

// Snapshot is the settings at one time and a digest of each file that they name.
type Snapshot struct {
	settings *Settings
	files    map[string]file // by the name of the setting
}

// file identifies the content of a file or a folder.
type file struct {
	digest [sha256.Size]byte
	err    error
}

// Take returns a Snapshot. A file that cannot be read is an error later, see Snapshot.Changes.
func Take(s Settings) Snapshot {
	taken := Snapshot{&s, map[string]file{}}
	for _, flag := range flags(&s) {
		if path := flag.Target.String(); flag.Target.Kind() == reflect.String && path != "" &&
			(flag.PlaceHolder == "FILE" || flag.PlaceHolder == "FOLDER") {
			digest, err := digestOf(path)
			taken.files[flag.Name] = file{digest, err}
		}
	}
	return taken
}

// Changes returns the names of the settings that differ in a later Snapshot, or whose files do. The error names those
// that need a restart, and files that cannot be read. No value is part of either.
func (s Snapshot) Changes(later Snapshot) ([]string, error) {
	var changed, fixed []string
	var errs []error
	before := flags(s.settings)
	for i, after := range flags(later.settings) {
		name := after.Name
		if err := later.files[name].err; err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", name, err))
			continue
		}
		if same(before[i].Target, after.Target) && s.files[name].digest == later.files[name].digest {
			continue
		}
		if slices.Contains(reloadable, name) {
			changed = append(changed, name)
		} else {
			fixed = append(fixed, name)
		}
	}
	if len(fixed) > 0 {
		errs = append(errs, fmt.Errorf("a change of %s needs a restart", strings.Join(fixed, ", ")))
	}
	return changed, errors.Join(errs...)
}

// flags returns the settings in s, in the order of the documentation.
func flags(s *Settings) []*kong.Flag { return kong.Must(s, kong.NoDefaultHelp()).Model.Flags }

func same(a, b reflect.Value) bool {
	if a.Type() == reflect.TypeFor[Secret]() {
		x, _ := reflect.TypeAssert[Secret](a)
		y, _ := reflect.TypeAssert[Secret](b)
		return bytes.Equal(x.Reveal(), y.Reveal())
	}
	return reflect.DeepEqual(a.Interface(), b.Interface())
}

// maxDigested is the size in bytes above which a file counts as unchanged if its size and time are.
const maxDigested = 8 << 20

// digestOf returns a digest of a file, or of all files in a folder with their names. It reads only regular files: what it
// reads from a pipe, the server could not read any more.
func digestOf(path string) (sum [sha256.Size]byte, err error) {
	hash := sha256.New()
	if target, err := filepath.EvalSymlinks(path); err == nil { // WalkDir does not follow a link to a folder
		path = target
	}
	err = filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Stat(name) // follows links, with which Kubernetes replaces the files of a secret
		if err != nil || !info.Mode().IsRegular() {
			return err
		}
		_, _ = fmt.Fprintf(hash, "%q %d ", name, info.Size())
		if info.Size() > maxDigested {
			_, err = fmt.Fprintf(hash, "%d ", info.ModTime().UnixNano())
			return err
		}
		text, err := os.ReadFile(name) //nolint:gosec // the folder is the operator's
		_, _ = hash.Write(text)
		return err
	})
	if at, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%q cannot be read: %w", at.Path, at.Err)
	}
	return [sha256.Size]byte(hash.Sum(nil)), err
}
