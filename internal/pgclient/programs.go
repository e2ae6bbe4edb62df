// Package pgclient owns the client programs of PostgreSQL: it finds pg_dump and pg_restore and runs them.
//
// A password is passed in the environment of the program, never in its arguments, which every user of the machine can
// read.
package pgclient

import (
	"cmp"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// Folders are patterns of the folders with client programs outside of the PATH.
var Folders = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian
	"/usr/pgsql-*/bin",                                   // Red Hat
	"/usr/libexec/postgresql*",                           // Alpine
	"/opt/homebrew/opt/postgresql@*/bin",                 // Homebrew on Apple silicon
	"/opt/homebrew/opt/libpq/bin",                        // the same, only clients
	"/usr/local/opt/postgresql@*/bin",                    // Homebrew on Intel
	"/usr/local/opt/libpq/bin",                           // the same, only clients
	`C:\Program Files\PostgreSQL\*\bin`,                  // the installer for Windows
	"/home/linuxbrew/.linuxbrew/opt/libpq/bin",           // Homebrew on Linux
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
}

// program is an installed program.
type program struct {
	path  string
	major int // the major version of PostgreSQL
}

// find returns the installed versions of a program that are not older than a major version of the server, the oldest
// first: a newer program may write statements that the server does not know.
func find(ctx context.Context, name string, server int) ([]program, error) {
	var paths []string
	if path, err := exec.LookPath(name); err == nil && !isWrapper(path) {
		paths = append(paths, path)
	}
	for _, pattern := range Folders {
		found, _ := filepath.Glob(filepath.Join(pattern, name)) // fails only on a malformed pattern
		windows, _ := filepath.Glob(filepath.Join(pattern, name+".exe"))
		paths = append(append(paths, found...), windows...)
	}
	newest := 0
	var programs []program
	for _, path := range paths {
		major, err := version(ctx, path)
		if err != nil {
			continue // a broken installation beside a working one does no harm
		}
		newest = max(newest, major)
		if major >= server {
			programs = append(programs, program{path, major})
		}
	}
	slices.SortStableFunc(programs, func(a, b program) int { return cmp.Compare(a.major, b.major) })
	switch {
	case len(programs) > 0:
		return programs, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case newest > 0:
		return nil, fmt.Errorf("%s %d is older than the server, which is PostgreSQL %d. %s", name, newest, server, install(server))
	}
	return nil, fmt.Errorf("%s is not installed. %s", name, install(server))
}

// install says how to install the programs of a version.
func install(major int) string {
	return fmt.Sprintf("Install the package postgresql-client-%d (Debian), postgresql%[1]d (Red Hat), postgresql%[1]d-client (Alpine) or postgresql@%[1]d (Homebrew)", major)
}

// isWrapper recognizes Debian's pg_wrapper, which picks a version by the clusters of this machine. The programs
// themselves are in Folders.
func isWrapper(path string) bool {
	target, err := filepath.EvalSymlinks(path)
	return err == nil && filepath.Base(target) == "pg_wrapper"
}

// versionText matches "pg_dump (PostgreSQL) 17.5 (Debian 17.5-1)" and "pg_dump (PostgreSQL) 18beta1".
var versionText = regexp.MustCompile(`\(PostgreSQL\) (\d{1,4})`)

func version(ctx context.Context, path string) (int, error) {
	cmd := exec.CommandContext(ctx, path, "--version")
	cmd.Env = (&Database{}).environ()
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	match := versionText.FindSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("%s --version: no version", path)
	}
	return strconv.Atoi(string(match[1]))
}
