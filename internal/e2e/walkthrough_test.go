//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestWalkthrough follows docs/guard-your-own-field.md in a copy of the repository. An HTML comment above
// each code block of the page says what to do with it:
//
//	write: FILE   write it to a new file
//	append: FILE  append it to a file, after an empty line
//	change: FILE  apply it to a file as a diff; its old text must occur exactly once
//	run           run it in the shell; every command must succeed
//	fail          run it in the shell; it must fail
//	repeat        run it in the shell until it prints the next answer block
//	serve         stop the running server and start a new one
//	answer        compare it with the last output of the shell, as JSON or line by line; the width of
//	              columns does not matter, and … matches any string
func TestWalkthrough(t *testing.T) {
	t.Parallel() // it compiles, while most of the others wait
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(root, "docs", "guard-your-own-field.md"))
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{dir: t.TempDir(), address: freeAddress(t)}
	copyRepository(t, root, r.dir)
	r.shell = startShell(t, r.dir)
	for _, b := range blocks(t, strings.ReplaceAll(string(page), "127.0.0.1:8080", r.address)) {
		r.follow(t, b)
	}
}

// block is a code block of a page and its comment.
type block struct{ verb, file, text string }

var (
	fence  = regexp.MustCompile("(?m)^```")
	marked = regexp.MustCompile("(?ms)^<!-- (\\w+)(?:: (\\S+))? -->\n```\\w+\n(.*?)^```$")
)

// blocks returns the code blocks of a page. Each must have a comment, so that all blocks are tested.
func blocks(t *testing.T, page string) (list []block) {
	t.Helper()
	for _, m := range marked.FindAllStringSubmatch(page, -1) {
		list = append(list, block{m[1], m[2], m[3]})
	}
	if n := len(fence.FindAllString(page, -1)); n == 0 || n != 2*len(list) {
		t.Fatalf("%d fences, %d marked blocks", n, len(list))
	}
	return list
}

// reader follows the page.
type reader struct {
	dir     string
	address string
	shell   *shell
	stop    func()
	repeat  string // the commands to repeat until they print the answer
	printed string
}

func (r *reader) follow(t *testing.T, b block) {
	t.Helper()
	file := filepath.Join(r.dir, b.file)
	switch b.verb {
	case "write":
		if _, err := os.Stat(file); err == nil {
			t.Fatalf("%s already exists", b.file)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, file, b.text)
	case "append":
		write(t, file, read(t, file)+"\n"+b.text)
	case "change":
		before, after := sides(b.text)
		text := read(t, file)
		if n := strings.Count(text, before); n != 1 {
			t.Fatalf("%s contains this text %d times:\n%s", b.file, n, before)
		}
		write(t, file, strings.Replace(text, before, after, 1))
	case "run":
		r.printed, r.repeat = r.shell.run(t, b.text), ""
	case "fail":
		r.printed, r.repeat = r.shell.run(t, "if "+b.text+"then exit 1; fi"), ""
	case "repeat":
		r.repeat = b.text
	case "serve":
		r.serve(t)
	case "answer":
		r.compare(t, b.text)
	default:
		t.Fatalf("unknown comment %q", b.verb)
	}
}

// sides returns the old and the new text of a diff.
func sides(diff string) (before, after string) {
	for line := range strings.Lines(diff) {
		switch line[0] {
		case '-':
			before += line[1:]
		case '+':
			after += line[1:]
		default:
			before, after = before+line, after+line
		}
	}
	return before, after
}

// compare compares the answer with the last output, or repeats the commands of a repeat block until it matches.
func (r *reader) compare(t *testing.T, want string) {
	t.Helper()
	if r.repeat == "" {
		if diff := difference(t, want, r.printed); diff != "" {
			t.Fatalf("answer (-page +real):\n%s", diff)
		}
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	diff := ""
	for range ticks(ctx, 100*time.Millisecond) {
		if diff = difference(t, want, r.shell.run(t, r.repeat)); diff == "" {
			return
		}
	}
	t.Fatalf("last answer (-page +real):\n%s", diff)
}

func difference(t *testing.T, want, got string) string {
	t.Helper()
	var wantJSON, gotJSON any
	if json.Unmarshal([]byte(want), &wantJSON) == nil {
		if err := json.Unmarshal([]byte(got), &gotJSON); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		return cmp.Diff(wantJSON, gotJSON, cmp.FilterValues(func(a, b string) bool { return a == "…" || b == "…" }, cmp.Ignore()))
	}
	return cmp.Diff(rows(want), rows(got))
}

// rows splits a text into lines and lines into words.
func rows(text string) (rows [][]string) {
	for line := range strings.Lines(strings.TrimSpace(text)) {
		rows = append(rows, strings.Fields(line))
	}
	return rows
}

// serve does the same as `make run`, but at the reader's address.
func (r *reader) serve(t *testing.T) {
	t.Helper()
	if r.stop != nil {
		r.stop()
	}
	r.shell.run(t, "make build\n")
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, filepath.Join(r.dir, "bin", "usher"), "serve", "--dev", "--listen", r.address)
	cmd.Dir, cmd.Env = r.dir, environment()
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	r.stop = sync.OnceFunc(func() {
		cancel()
		_ = cmd.Wait() // its context was cancelled
	})
	t.Cleanup(r.stop)
	ready, cancelReady := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancelReady()
	for range ticks(ready, 50*time.Millisecond) {
		response, err := http.Get("http://" + r.address + "/readyz")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return
		}
	}
	t.Fatal("the server did not start")
}

// shell is a running sh. It keeps variables and functions between blocks.
type shell struct {
	in  io.Writer
	out *bufio.Scanner
}

// startShell starts a shell that ends with the test.
func startShell(t *testing.T, dir string) *shell {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh", "-e")
	cmd.Dir, cmd.Env = dir, environment()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has killed it
	return &shell{in: in, out: bufio.NewScanner(out)}
}

// run runs commands and returns their output.
func (s *shell) run(t *testing.T, commands string) string {
	t.Helper()
	const end = "--- that was all"
	if _, err := io.WriteString(s.in, commands+"\necho\necho '"+end+"'\n"); err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	for s.out.Scan() {
		if s.out.Text() == end {
			return printed.String()
		}
		printed.WriteString(s.out.Text() + "\n")
	}
	t.Fatalf("failed:\n%s\n%s", commands, &printed)
	return ""
}

// environment returns the test's environment with a database in the reader's folder.
func environment() []string {
	return append(os.Environ(), "USHER_DATABASE_URL=sqlite:data/usher.db")
}

// copyRepository copies the tracked files, and new files that are not committed yet.
func copyRepository(t *testing.T, from, to string) {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = from
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		raw, err := os.ReadFile(filepath.Join(from, name))
		if errors.Is(err, os.ErrNotExist) { // deleted, but not committed yet
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Join(to, filepath.Dir(name)), 0o755); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(to, name), string(raw))
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
