//go:build e2e

package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
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

const secret = "7e2c3f0b9d1a48c6b5e4f3a2918d7c6b5e4f"

// binary is the program under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "usher-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "usher")
	build := exec.Command("go", "build", "-o", binary, "usher/cmd/usher")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return 1
	}
	return m.Run()
}

// each runs a test with a server on each database.
func each(t *testing.T, test func(t *testing.T, s *server), flags ...string) {
	t.Helper()
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) { test(t, start(t, url(t), flags...)) })
	}
}

// server is a running Usher.
type server struct {
	url     string
	cmd     *exec.Cmd
	drained chan struct{} // closed at the end of its output
}

// start runs `usher serve` until the test ends, and waits until it listens.
func start(t *testing.T, database string, flags ...string) *server {
	t.Helper()
	return startAt(t, freeAddress(t), database, flags...)
}

// stop sends SIGTERM and fails the test unless the server exits without an error.
func (s *server) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	<-s.drained
	if err := s.cmd.Wait(); err != nil {
		t.Errorf("usher serve: %v", err)
	}
}

func startAt(t *testing.T, address, database string, flags ...string) *server {
	t.Helper()
	return startWith(t, nil, address, database, flags...)
}

// startWith is startAt with additional variables, which override others.
func startWith(t *testing.T, env []string, address, database string, flags ...string) *server {
	t.Helper()
	return startProgram(t, binary, env, address, database, flags...)
}

// startProgram is startWith for a program of another release.
func startProgram(t *testing.T, program string, env []string, address, database string, flags ...string) *server {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, append([]string{"serve", "--listen", address}, flags...)...)
	cmd.Dir = t.TempDir()
	cmd.Env = []string{
		"USHER_DATABASE_URL=" + database,
		"USHER_SECRET_KEY=" + secret,
		"USHER_ISSUER=http://" + address,
		"USHER_SHUTDOWN_DELAY=0s", // no load balancer needs time to detect the stop
		"USHER_RATE_LIMITS=*=off", // all clients have one address
		"PATH=" + os.Getenv("PATH"),
	}
	cmd.Env = append(cmd.Env, env...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	listening := false
	for !listening && lines.Scan() {
		listening = strings.Contains(lines.Text(), "listening")
	}
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		_, _ = io.Copy(io.Discard, stderr) // otherwise the pipe would fill up
	}()
	t.Cleanup(func() {
		cancel()
		<-drained
		_ = cmd.Wait() // a test may have killed it
	})
	if !listening {
		t.Fatal("usher serve did not start")
	}
	return &server{url: "http://" + address, cmd: cmd, drained: drained}
}

// addresses are those that freeAddress has returned.
var addresses sync.Map

// freeAddress returns an address that no other test gets. Its port is below those that systems give to outgoing
// connections, so that none of the many of other tests takes it before the server listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	for range 1000 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if _, taken := addresses.LoadOrStore(address, true); !taken {
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

// node installs the packages of a folder's lock file and runs a script in the folder.
func node(t *testing.T, dir, script string, args ...string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		npm := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
		npm.Dir = dir
		if out, err := npm.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s\nThese tests need Node.js 20 or newer with npm: https://nodejs.org", err, out)
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{script}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatalf("node %s: %v", script, err)
	}
}

// TestAudit runs the GraphQL over HTTP audits of graphql-http against the server. Their queries need
// introspection, so the server runs with --dev.
func TestAudit(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		node(t, "audit", "audit.mjs", s.url+"/graphql")
	}, "--dev")
}

// TestReady requests the health endpoints.
func TestReady(t *testing.T) {
	each(t, func(t *testing.T, s *server) {
		for _, path := range []string{"/healthz", "/readyz"} {
			response, err := http.Get(s.url + path)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if response.StatusCode != http.StatusOK {
				t.Errorf("%s: %s", path, response.Status)
			}
		}
	})
}
