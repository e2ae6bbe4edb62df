package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// For all platforms, each time compiled from nothing, which takes many minutes:
// go test -C .ci/release -run Reproducible -timeout 2h -args -cold -platforms all
var (
	cold      = flag.Bool("cold", false, "use no cache of compiled packages in TestReproducible")
	platforms = flag.String("platforms", "linux/amd64", "platforms of TestReproducible, or all")
)

// TestReproducible builds a release of the working tree in two folders and compares all files.
func TestReproducible(t *testing.T) {
	if *platforms == "all" {
		*platforms = targets
	}
	first, second := built(t, "a", 0o644), built(t, "a longer name", 0o600)
	names := files(t, first)
	if got := files(t, second); !slices.Equal(names, got) {
		t.Fatalf("the files are %v and %v", names, got)
	}
	if want := 2*len(strings.Split(*platforms, ",")) + 1; len(names) != want {
		t.Errorf("there are %d files, want %d: %v", len(names), want, names)
	}
	for _, name := range names {
		if !bytes.Equal(read(t, first, name), read(t, second, name)) {
			t.Errorf("%s differs", name)
		}
	}
	sums := exec.CommandContext(t.Context(), "sha256sum", "--check", "--strict", "SHA256SUMS")
	sums.Dir = first
	if out, err := sums.CombinedOutput(); err != nil || bytes.Count(out, []byte(": OK\n")) != len(names)-1 {
		t.Errorf("sha256sum: %v\n%s", err, out)
	}
	t.Run("archive", func(t *testing.T) { testArchive(t, first) })
	t.Run("SBOM", func(t *testing.T) { testSBOM(t, first) })
}

const archive = "usher_1.2.3_linux_amd64"

func testArchive(t *testing.T, folder string) {
	content := unpack(t, filepath.Join(folder, archive+".tar.gz"))
	for name, mode := range map[string]fs.FileMode{
		"usher": 0o755, "README.md": 0o644, "CHANGELOG.md": 0o644, "SECURITY.md": 0o644, ".env.example": 0o644, "usher.service": 0o644,
	} {
		header := content[archive+"/"+name].header
		if header == nil {
			t.Errorf("%s is missing", name)
			continue
		}
		if header.FileInfo().Mode() != mode || !header.ModTime.Equal(date) || header.Uid != 0 || header.Gid != 0 || header.Uname != "" {
			t.Errorf("%s: %v, %v, owner %d %d %q", name, header.FileInfo().Mode(), header.ModTime, header.Uid, header.Gid, header.Uname)
		}
	}
	if len(content) != 6 {
		t.Errorf("%d files, want 6", len(content))
	}
	program := filepath.Join(t.TempDir(), "usher")
	if err := os.WriteFile(program, content[archive+"/usher"].content, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), program, "version").CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), "usher v1.2.3 (commit ") || strings.Contains(string(out), "unknown") {
		t.Errorf("usher version: %v, %s", err, out)
	}
}

func testSBOM(t *testing.T, folder string) {
	var bom cdx.BOM
	if err := cdx.NewBOMDecoder(bytes.NewReader(read(t, folder, archive+".cdx.json")), cdx.BOMFileFormatJSON).Decode(&bom); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(unpack(t, filepath.Join(folder, archive+".tar.gz"))[archive+"/usher"].content)
	if hashes := *bom.Metadata.Component.Hashes; hashes[0].Value != hex.EncodeToString(sum[:]) {
		t.Errorf("the SBOM is of a program with the hash %s, want %x", hashes[0].Value, sum)
	}
	found := map[string]int{}
	for _, c := range *bom.Components {
		if c.Version == "" || !strings.HasPrefix(c.BOMRef, "pkg:golang/std@") && c.Hashes == nil {
			t.Errorf("%s has no version or no hash", c.BOMRef)
		}
		kind, rest, _ := strings.Cut(c.PackageURL, "/")
		name, _, _ := strings.Cut(rest, "@")
		found[kind+"/"+name]++
	}
	for name, want := range map[string]int{
		"pkg:golang/std": 1, "pkg:golang/github.com/99designs/gqlgen": 1, "pkg:golang/modernc.org/sqlite": 1, "pkg:golang/usher": 0,
		"pkg:npm/react": 1, "pkg:npm/%40graphiql/react": 1, "pkg:npm/eslint": 0, "pkg:npm/%40types/react": 0, "pkg:npm/usher-client": 0,
	} {
		if found[name] != want {
			t.Errorf("the SBOM has %d of %s, want %d", found[name], name, want)
		}
	}
}

// TestCheck tests which sources cannot be released.
func TestCheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(t *testing.T, folder string)
		want  string // part of the error
	}{
		"good":       {func(*testing.T, string) {}, ""},
		"changed":    {func(t *testing.T, f string) { write(t, f, "CHANGELOG.md", "\n## [1.2.3]\n\nmore\n") }, "the working tree has changes"},
		"added":      {func(t *testing.T, f string) { write(t, f, "new.go", "package main\n") }, "new.go"},
		"no tag":     {func(t *testing.T, f string) { git(t, f, "tag", "-d", "v1.2.3") }, "the commit has no tag"},
		"later":      {func(t *testing.T, f string) { git(t, f, "commit", "-q", "--allow-empty", "-m", "later") }, "the commit has no tag"},
		"no version": {func(t *testing.T, f string) { git(t, f, "tag", "-d", "v1.2.3"); git(t, f, "tag", "nightly") }, "nightly is not a version"},
		"no console": {func(t *testing.T, f string) { remove(t, f, "internal/console/dist/index.html") }, "run make console"},
		"no changelog": {func(t *testing.T, f string) {
			git(t, f, "tag", "-d", "v1.2.3")
			git(t, f, "tag", "v1.2.4")
		}, "no heading ## [1.2.4]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			write(t, folder, "CHANGELOG.md", "# Changelog\n\n## [1.2.3]\n")
			write(t, folder, ".gitignore", "dist/\n")
			write(t, folder, "internal/console/dist/index.html", "")
			commitAll(t, folder)
			test.spoil(t, folder)
			r, err := check(t.Context(), folder)
			switch {
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("the error is %v, want one with %q", err, test.want)
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want == "" && (r.version != "1.2.3" || r.tag != "v1.2.3" || len(r.commit) != 40 || !r.date.Equal(date)):
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestOutput tests that nothing that exists is overwritten.
func TestOutput(t *testing.T) {
	t.Parallel()
	out := t.TempDir()
	write(t, out, "precious", "")
	if err := run(t.Context(), "../..", out, nil); err == nil || !strings.Contains(err.Error(), "is not empty") {
		t.Errorf("the error is %v", err)
	}
}

// TestZip tests the archive for Windows, whose format has local times too.
func TestZip(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	write(t, folder, "program", "MZ")
	sources := map[string]string{"usher.exe": filepath.Join(folder, "program"), "README.md": filepath.Join(folder, "program")}
	for _, name := range []string{"a.zip", "b.zip"} {
		if err := writeZip(filepath.Join(folder, name), "usher", sources, date); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(read(t, folder, "a.zip"), read(t, folder, "b.zip")) {
		t.Error("two archives differ")
	}
	r, err := zip.OpenReader(filepath.Join(folder, "a.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name)
		if !f.Modified.Equal(date) {
			t.Errorf("%s is of %v, want %v", f.Name, f.Modified, date)
		}
	}
	if !slices.Equal(names, []string{"usher/README.md", "usher/usher.exe"}) || r.File[1].Mode() != 0o755 || r.File[0].Mode() != 0o644 {
		t.Errorf("the archive has %v", names)
	}
}

// TestPackages tests which packages of a lock file are part of the console.
func TestPackages(t *testing.T) {
	t.Parallel()
	const sum = `"integrity": "sha512-AAEC"`
	found, err := packages([]byte(`{"lockfileVersion": 3, "packages": {
		"": {"version": "1.0.0"},
		"../clients/js": {"version": "0.0.0"},
		"node_modules/usher-client": {"link": true},
		"node_modules/eslint": {"version": "1.0.0", "dev": true, ` + sum + `},
		"node_modules/@types/react": {"version": "1.0.0", "devOptional": true, ` + sum + `},
		"node_modules/react": {"version": "19.3.1", "license": "MIT", ` + sum + `},
		"node_modules/a/node_modules/@b/c": {"version": "2.0.0-rc.1", ` + sum + `},
		"node_modules/@b/c": {"version": "2.0.0-rc.1", ` + sum + `}
	}}`))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range found {
		names = append(names, c.PackageURL)
		if hashes := *c.Hashes; hashes[0].Value != "000102" {
			t.Errorf("%s has the hash %s", c.PackageURL, hashes[0].Value)
		}
	}
	if want := []string{"pkg:npm/%40b/c@2.0.0-rc.1", "pkg:npm/react@19.3.1"}; !slices.Equal(names, want) {
		t.Errorf("the packages are %v, want %v", names, want)
	}
	for _, wrong := range []string{
		`{`, `{"lockfileVersion": 2}`, `{"lockfileVersion": 3, "packages": {"node_modules/react": {"version": "1.0.0"}}}`,
	} {
		if _, err := packages([]byte(wrong)); err == nil {
			t.Errorf("%s is accepted", wrong)
		}
	}
}

// date is the time of all commits in these tests.
var date = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// built copies the working tree to a folder, tags it as v1.2.3, and returns the folder of the release.
func built(t *testing.T, name string, mode fs.FileMode) string {
	t.Helper()
	source := filepath.Join(t.TempDir(), name)
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = "../.."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for path := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		if strings.HasPrefix(path, "docs/") {
			continue // pictures
		}
		content, err := os.ReadFile(filepath.Join("../..", path))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, but not committed
		}
		if err != nil {
			t.Fatal(err)
		}
		write(t, source, path, string(content))
		if err := os.Chmod(filepath.Join(source, path), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(t, source, "CHANGELOG.md", string(read(t, source, "CHANGELOG.md"))+"\n## [1.2.3]\n")
	write(t, source, "internal/console/dist/index.html", "<title>console</title>")
	commitAll(t, source)
	if *cold {
		t.Setenv("GOCACHE", t.TempDir())
	}
	release := filepath.Join(t.TempDir(), "dist")
	if err := run(t.Context(), source, release, strings.Split(*platforms, ",")); err != nil {
		t.Fatal(err)
	}
	return release
}

func commitAll(t *testing.T, folder string) {
	t.Helper()
	git(t, folder, "init", "-q")
	git(t, folder, "config", "core.fileMode", "false")
	git(t, folder, "add", "--all")
	git(t, folder, "commit", "-q", "-m", "release")
	git(t, folder, "tag", "v1.2.3")
}

func git(t *testing.T, folder string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_DATE="+date.Format(time.RFC3339), "GIT_COMMITTER_DATE="+date.Format(time.RFC3339),
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.com")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}

func write(t *testing.T, folder, name, content string) {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, folder, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(folder, name)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, folder, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func files(t *testing.T, folder string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

type file struct {
	header  *tar.Header
	content []byte
}

func unpack(t *testing.T, path string) map[string]file {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]file{}
	for r := tar.NewReader(z); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		found[header.Name] = file{header, content}
	}
}
