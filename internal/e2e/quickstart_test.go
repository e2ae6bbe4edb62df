//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"usher/internal/storetest"
)

// TestQuickstart runs all code blocks of docs/quickstart.md, in one project folder. Of those of TestWalkthrough, it
// knows the comments write, run and answer. Also:
//
//	packages      a test has the packages that it installs
//	serve         start the server
//	start: URL    run it in the background and wait until this URL answers
//	page: FILE    write it to a file, and sign in on the page that Vite makes of it
//	relay: FILE   the same, compiled by Relay first
//	next          sign in on the page that Next.js makes of the files
//	mobile: FILE  run it as a mobile application that uses this file
func TestQuickstart(t *testing.T) {
	chromium(t)
	install(t, "quickstart")
	dir, err := os.MkdirTemp("quickstart", "project-") //nolint:usetesting // Node.js looks for packages in the folders above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if dir, err = filepath.Abs(dir); err != nil {
		t.Fatal(err)
	}
	q := &quickstart{reader: reader{dir: dir, address: freeAddress(t)}}
	page := read(t, filepath.Join("..", "..", "docs", "quickstart.md"))
	page = strings.NewReplacer("8080", port(t, q.address), "3001", port(t, freeAddress(t)), "3002", port(t, freeAddress(t))).Replace(page)
	q.shell = startShell(t, dir)
	for _, b := range blocks(t, page) {
		q.follow(t, b)
	}
}

// port returns the port of an address.
func port(t *testing.T, address string) string {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

type quickstart struct{ reader }

func (q *quickstart) follow(t *testing.T, b block) {
	t.Helper()
	switch b.verb {
	case "packages":
		packages(t, b.text)
	case "serve":
		startAt(t, q.address, storetest.URLs["sqlite"](t), strings.Fields("--dev "+between(t, b.text, `ARGS="`, `"`))...)
	case "start":
		background(t, q.dir, b.text, b.file)
	case "page":
		write(t, filepath.Join(q.dir, b.file), b.text)
		node(t, "quickstart", "browser.mjs", q.dir, "vite")
	case "relay":
		write(t, filepath.Join(q.dir, b.file), b.text)
		q.shell.run(t, "node ../node_modules/relay-compiler/cli.js")
		node(t, "quickstart", "browser.mjs", q.dir, "relay")
	case "next":
		node(t, "quickstart", "browser.mjs", q.dir, "next")
	case "mobile":
		write(t, filepath.Join(q.dir, "index.js"), b.text)
		node(t, "quickstart", "mobile.mjs", q.dir, "index.js")
	default:
		q.reader.follow(t, b)
	}
}

// packages checks that the packages which commands install are those that this test uses.
func packages(t *testing.T, commands string) {
	t.Helper()
	var tested struct{ Dependencies map[string]string }
	if err := json.Unmarshal([]byte(read(t, filepath.Join("quickstart", "package.json"))), &tested); err != nil {
		t.Fatal(err)
	}
	tested.Dependencies["expo-secure-store"] = "" // mobile.mjs replaces it
	for line := range strings.Lines(commands) {
		_, names, found := strings.Cut(line, " install ")
		if !found {
			continue
		}
		for name := range strings.FieldsSeq(names) {
			name, _, _ = strings.Cut(name, "@file:")
			if _, ok := tested.Dependencies[name]; !ok {
				t.Errorf("%s is not in quickstart/package.json", name)
			}
		}
	}
}

// between returns the text between two others.
func between(t *testing.T, text, before, after string) string {
	t.Helper()
	_, text, _ = strings.Cut(text, before)
	text, _, found := strings.Cut(text, after)
	if !found {
		t.Fatalf("no text between %s and %s", before, after)
	}
	return text
}

// background runs a command until the test ends, and waits until a URL answers.
func background(t *testing.T, dir, command, url string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	var output lockedBuffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &output, &output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // go run starts the program as a child
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // it was killed
	})
	ready, cancelReady := context.WithTimeout(t.Context(), time.Minute)
	defer cancelReady()
	for range ticks(ready, 50*time.Millisecond) {
		if response, err := http.Get(url); err == nil {
			response.Body.Close()
			return
		}
	}
	t.Fatalf("%s does not answer:\n%s", url, &output)
}

// lockedBuffer is a buffer to which a process writes while the test reads.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
