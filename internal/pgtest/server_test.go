//go:build unix

package pgtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// victim is an environment variable. It makes this program start a server, print the URL of a database and
// wait to be killed.
const victim = "USHER_PGTEST_VICTIM"

func TestMain(m *testing.M) {
	if os.Getenv(victim) == "" {
		os.Exit(m.Run())
	}
	s, err := Start(context.Background())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	at, err := s.CreateDatabase(context.Background(), "")
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println(at)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// startVictim starts a process with its own server and returns the URL of a database on it.
func startVictim(t *testing.T) (process *exec.Cmd, at string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), victim+"=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "postgres") {
		t.Fatalf("victim said %q, %v", line, err)
	}
	return cmd, strings.TrimSpace(line)
}

// kill sends SIGKILL to a process.
func kill(t *testing.T, process *exec.Cmd) {
	t.Helper()
	if err := process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = process.Wait() // always fails: the process was killed
}

func create(t *testing.T, s *Server) string {
	t.Helper()
	at, err := s.CreateDatabase(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func connect(t *testing.T, at string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// exists reports whether the database at a URL exists on a server.
func exists(t *testing.T, s *Server, at string) (found bool) {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	err = s.do(t.Context(), func(conn *pgx.Conn) error {
		return conn.QueryRow(t.Context(), "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", u.Path[1:]).Scan(&found)
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// folderOf returns the folder of the cluster of a URL.
func folderOf(t *testing.T, at string) string {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("host")
}

// eventually polls until a condition outside of this process holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); !holds(); <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("never seen: %s", what)
		}
	}
}

func TestServerEndsWithAKilledProcess(t *testing.T) {
	t.Setenv("TEST_DATABASE_URL", "")
	process, at := startVictim(t)
	folder := folderOf(t, at)
	file, err := os.ReadFile(filepath.Join(folder, "data", "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(file), "\n")
	postmaster, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	busy := connect(t, at)

	kill(t, process)

	if _, err := busy.Exec(t.Context(), "SELECT pg_sleep(60)"); err == nil {
		t.Error("the session outlived its process")
	}
	eventually(t, "the end of the server", func() bool {
		return errors.Is(syscall.Kill(postmaster, 0), syscall.ESRCH)
	})
	eventually(t, "the end of its folder", func() bool {
		_, err := os.Stat(folder)
		return errors.Is(err, os.ErrNotExist)
	})
}

func TestStart(t *testing.T) {
	t.Setenv("TEST_DATABASE_URL", "")
	s, err := Start(t.Context(), "fsync=on", "work_mem=5MB")
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, s.admin.String())
	for name, want := range map[string]string{
		"fsync": "on", "work_mem": "5MB", "synchronous_commit": "off", "listen_addresses": "",
		"server_encoding": "UTF8", "max_connections": "250",
	} {
		var got string
		if err := conn.QueryRow(t.Context(), "SELECT current_setting($1)", name).Scan(&got); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}

	folder := folderOf(t, s.admin.String())
	if _, err := os.Stat(folder); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(folder); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("folder after Stop: %v", err)
	}
}

func TestClusterGivesUp(t *testing.T) {
	programs, err := findPrograms(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(rootFolder(true), newRun())
	left := func() bool {
		_, err := os.Stat(folder)
		return err == nil
	}

	t.Run("when its context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		script, err := clusterScript(folder, programs, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		failed := make(chan error, 1)
		go func() {
			_, err := supervise(ctx, script, 1)
			failed <- err
		}()
		eventually(t, "the folder of the cluster", left)
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want %v", err, context.Canceled)
		}
		if left() {
			t.Error("the folder is left")
		}
	})

	t.Run("when the server does", func(t *testing.T) {
		script, err := clusterScript(folder, programs, "", []string{"-c", "shared_buffers=banana"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = supervise(t.Context(), script, 1)
		if err == nil || !strings.Contains(err.Error(), `invalid value for parameter "shared_buffers": "banana"`) {
			t.Errorf("got %v, want the server's message", err)
		}
		if left() {
			t.Error("the folder is left")
		}
	})
}

func TestForeignDatabasesAreRefused(t *testing.T) {
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	other := &Server{admin: s.admin, run: newRun()}
	for _, at := range []string{"://", s.admin.String(), other.url(other.run + "_1")} {
		if err := s.DropDatabase(t.Context(), at); err == nil {
			t.Errorf("DropDatabase(%q) succeeded", at)
		}
		if _, err := s.CreateDatabase(t.Context(), at); err == nil {
			t.Errorf("CreateDatabase(%q) succeeded", at)
		}
	}
}
