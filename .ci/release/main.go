// Command release builds the archives of a release: for each platform the program with its SBOM, and the checksums.
// The same commit gives the same bytes in every folder and on every machine, if the version of Go is the same.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// targets are the platforms of a release.
const targets = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

func main() {
	out := flag.String("out", "dist", "folder to write, which must not exist or be empty")
	list := flag.String("targets", targets, "platforms, as GOOS/GOARCH,...")
	source := flag.String("source", "../..", "folder of the sources")
	flag.Parse()
	if err := run(context.Background(), *source, *out, strings.Split(*list, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1) //nolint:forbidigo // this is a command
	}
}

// release is what all archives of a release have in common.
type release struct {
	source  string
	tag     string // v1.2.3
	version string // 1.2.3
	commit  string
	date    time.Time // of the commit; the time of every file in the archives
}

// run writes the release of the sources to a folder.
func run(ctx context.Context, source, out string, targets []string) error {
	entries, err := os.ReadDir(out)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty; remove it first", out)
	}
	r, err := check(ctx, source)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o750); err != nil {
		return err
	}
	for _, target := range targets {
		if err := r.write(ctx, out, target); err != nil {
			return fmt.Errorf("%s: %w", target, err)
		}
	}
	return writeChecksums(out)
}

var isTag = regexp.MustCompile(`^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$`)

// check returns the release of the sources, or says why there can be none: the working tree must be what the tag names,
// and the changelog must describe it.
func check(ctx context.Context, source string) (*release, error) {
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...) //nolint:gosec // the arguments are those below
		cmd.Dir = source
		text, err := cmd.Output()
		return strings.TrimSpace(string(text)), err
	}
	changes, err := git("status", "--porcelain")
	if err != nil {
		return nil, fmt.Errorf("git status: %w", err)
	}
	if changes != "" {
		return nil, fmt.Errorf("the working tree has changes; commit or remove them:\n%s", changes)
	}
	tag, err := git("describe", "--tags", "--exact-match", "HEAD")
	if err != nil {
		return nil, errors.New("the commit has no tag; create one with git tag -a v1.2.3")
	}
	if !isTag.MatchString(tag) {
		return nil, fmt.Errorf("the tag %s is not a version such as v1.2.3", tag)
	}
	r := &release{source: source, tag: tag, version: strings.TrimPrefix(tag, "v")}
	changelog, err := os.ReadFile(filepath.Join(source, "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	if !strings.Contains(string(changelog), "\n## ["+r.version+"]") {
		return nil, fmt.Errorf("CHANGELOG.md has no heading ## [%s]", r.version)
	}
	if _, err := os.Stat(filepath.Join(source, "internal/console/dist/index.html")); err != nil {
		return nil, errors.New("the console is not built; run make console")
	}
	head, err := git("log", "-1", "--format=%H %ct", "HEAD")
	if err != nil {
		return nil, fmt.Errorf("git log: %w", err)
	}
	commit, seconds, _ := strings.Cut(head, " ")
	at, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("git log: %w", err)
	}
	r.commit, r.date = commit, time.Unix(at, 0).UTC()
	return r, nil
}

// write writes the archive and the SBOM of a platform.
func (r *release) write(ctx context.Context, out, target string) error {
	system, arch, ok := strings.Cut(target, "/")
	if !ok {
		return errors.New("a platform is GOOS/GOARCH, such as linux/amd64")
	}
	work, err := os.MkdirTemp("", "usher-release-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	program := "usher"
	if system == "windows" {
		program = "usher.exe"
	}
	binary := filepath.Join(work, program)
	if err := r.build(ctx, binary, system, arch); err != nil {
		return err
	}
	files := map[string]string{
		program:        binary,
		".env.example": filepath.Join(r.source, ".env.example"),
	}
	for _, name := range []string{"README.md", "CHANGELOG.md", "SECURITY.md"} {
		files[name] = filepath.Join(r.source, name)
	}
	if system == "linux" {
		files["usher.service"] = filepath.Join(r.source, "deploy/systemd/usher.service")
	}
	name := fmt.Sprintf("usher_%s_%s_%s", r.version, system, arch)
	if system == "windows" {
		err = writeZip(filepath.Join(out, name+".zip"), name, files, r.date)
	} else {
		err = writeTar(filepath.Join(out, name+".tar.gz"), name, files, r.date)
	}
	if err != nil {
		return err
	}
	return r.writeSBOM(filepath.Join(out, name+".cdx.json"), binary)
}

// build builds the program for a platform. Nothing of this machine is part of the result: neither paths, nor what Go
// records of the repository, nor settings in the environment.
func (r *release) build(ctx context.Context, output, system, arch string) error {
	output, err := filepath.Abs(output)
	if err != nil {
		return err
	}
	flags := "-s -w -buildid= -X main.version=" + r.tag + " -X main.commit=" + r.commit
	//nolint:gosec // check has checked the tag, and git writes the commit
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", flags, "-o", output, "./cmd/usher")
	cmd.Dir = r.source
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch,
		"GOAMD64=v1", "GOARM64=v8.0", "GOEXPERIMENT=", "GOFLAGS=", "GOWORK=off")
	cmd.Stderr = os.Stderr
	return cmd.Run()
}
