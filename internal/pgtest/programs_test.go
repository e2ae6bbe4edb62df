//go:build unix

package pgtest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// install creates a folder with programs that can be found but do not run.
func install(t *testing.T, dir string, programs ...string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// hide makes all programs that pgtest looks for unavailable.
func hide(t *testing.T) {
	t.Helper()
	empty := t.TempDir()
	t.Setenv("PATH", empty)
	t.Setenv("HOME", empty)
	t.Setenv("XDG_CACHE_HOME", empty)
	t.Setenv("TEST_DATABASE_URL", "")
	oldDirs, oldCache := programDirs, rootCache
	programDirs, rootCache = nil, empty
	t.Cleanup(func() { programDirs, rootCache = oldDirs, oldCache })
}

func TestLocalPrograms(t *testing.T) {
	for name, set := range map[string]func(t *testing.T, root string) (want string){
		"in PATH": func(t *testing.T, root string) string {
			t.Setenv("PATH", install(t, filepath.Join(root, "bin"), "initdb", "postgres"))
			return filepath.Join(root, "bin")
		},
		"linked into PATH": func(t *testing.T, root string) string {
			want := install(t, filepath.Join(root, "15", "bin"), "initdb", "postgres")
			t.Setenv("PATH", install(t, filepath.Join(root, "links")))
			if err := os.Symlink(filepath.Join(want, "initdb"), filepath.Join(root, "links", "initdb")); err != nil {
				t.Fatal(err)
			}
			return want
		},
		"at pg_config": func(t *testing.T, root string) string {
			want := install(t, filepath.Join(root, "bin"), "initdb", "postgres")
			path := install(t, filepath.Join(root, "path"))
			script := fmt.Sprintf("#!/bin/sh\n[ \"$*\" = --bindir ] && echo '%s'\n", want)
			if err := os.WriteFile(filepath.Join(path, "pg_config"), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", path)
			return want
		},
		"the newest in the usual folders": func(t *testing.T, root string) string {
			install(t, filepath.Join(root, "postgresql@9", "bin"), "initdb", "postgres")
			want := install(t, filepath.Join(root, "postgresql@15", "bin"), "initdb", "postgres")
			install(t, filepath.Join(root, "postgresql@16", "bin"), "initdb") // of a client installation
			programDirs = []string{filepath.Join(root, "none-*", "bin"), filepath.Join(root, "postgresql@*", "bin")}
			return want
		},
	} {
		t.Run(name, func(t *testing.T) {
			hide(t)
			want := set(t, t.TempDir())
			if got, err := localPrograms(t.Context()); err != nil || got != want {
				t.Errorf("got %q, %v, want %q", got, err, want)
			}
		})
	}
}

func TestStartWithoutPostgreSQL(t *testing.T) {
	hide(t)
	_, err := Start(t.Context())
	if err == nil {
		t.Fatal("Start succeeded, want an error")
	}
	for _, want := range []string{
		"initdb", "npm", "docker", "apt-get install postgresql", "brew install postgresql@", "TEST_DATABASE_URL=",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in: %v", want, err)
		}
	}
}

// TestNPMPackagesArePinned checks that the lock file has a version and a checksum for each platform's package.
func TestNPMPackagesArePinned(t *testing.T) {
	file, err := npmFiles.ReadFile("npm/package-lock.json")
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct {
			Version, Integrity string
			OS, CPU            []string
		}
	}
	if err := json.Unmarshal(file, &lock); err != nil {
		t.Fatal(err)
	}
	platforms := map[string]string{}
	for name, pkg := range lock.Packages {
		if name == "" {
			continue // the package that depends on the others
		}
		if !strings.HasPrefix(pkg.Version, version+".") {
			t.Errorf("%s is PostgreSQL %s, want %s", name, pkg.Version, version)
		}
		if !strings.HasPrefix(pkg.Integrity, "sha512-") {
			t.Errorf("%s has no checksum", name)
		}
		platforms[strings.Join(append(pkg.OS, pkg.CPU...), " ")] = filepath.Base(name)
	}
	want := map[string]string{
		"linux x64": "linux-x64", "linux arm64": "linux-arm64",
		"darwin x64": "darwin-x64", "darwin arm64": "darwin-arm64",
	}
	if diff := cmp.Diff(want, platforms); diff != "" {
		t.Errorf("packages (-want +got):\n%s", diff)
	}
}

func TestRestoreLinks(t *testing.T) {
	pkg := t.TempDir()
	install(t, filepath.Join(pkg, "native", "lib"), "libpq.so.5.17")
	list := `[{"source":"native/lib/libpq.so.5.17","target":"native/lib/libpq.so.5"}]`
	if err := os.WriteFile(filepath.Join(pkg, "native", "pg-symlinks.json"), []byte(list), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := restoreLinks(pkg); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(filepath.Join(pkg, "native", "lib", "libpq.so.5")); err != nil || to != "libpq.so.5.17" {
		t.Errorf("links to %q, %v", to, err)
	}
}
