//go:build e2e

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"usher/internal/storetest"
)

// status asks for a path.
func status(t *testing.T, s *server, path string) int {
	t.Helper()
	response, err := patient.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

// patient waits for an answer longer than a server works on one.
var patient = &http.Client{Timeout: 25 * time.Second}

// code returns the code of an error of the server; "" for none. A request without an answer fails the test.
func code(t *testing.T, err error) string {
	t.Helper()
	var answer answerError
	if err != nil && !errors.As(err, &answer) {
		t.Errorf("no answer: %v", err)
		return "no answer"
	}
	return answer.Extensions.Code
}

// token signs a user in.
func token(t *testing.T, s *server, name string) string {
	t.Helper()
	var data struct{ Login struct{ AccessToken string } }
	err := graphql(s.url, "", `mutation ($i: String!, $p: Password!) { login(input: {identifier: $i, password: $p}) { accessToken } }`,
		map[string]any{"i": name, "p": password}, &data)
	if err != nil {
		t.Fatal(err)
	}
	return data.Login.AccessToken
}

// accounts creates accounts as an administrator, and counts those that the server has acknowledged.
type accounts struct {
	bearer string
	tried  atomic.Int64
	acked  atomic.Int64
}

func (a *accounts) create(s *server) error {
	err := graphql(s.url, a.bearer, `mutation ($n: Username!) { createUser(input: {username: $n}) { user { id } } }`,
		map[string]any{"n": fmt.Sprint("user", a.tried.Add(1))}, new(any))
	if err == nil {
		a.acked.Add(1)
	}
	return err
}

// check fails the test unless the database has the acknowledged accounts, and no other but that of the administrator.
func (a *accounts) check(t *testing.T, s *server) {
	t.Helper()
	var data struct{ UserCount int64 }
	if err := graphql(s.url, a.bearer, `{ userCount }`, nil, &data); err != nil {
		t.Fatal(err)
	}
	if want := a.acked.Load() + 1; data.UserCount != want {
		t.Errorf("%d accounts, want the %d that the server has acknowledged", data.UserCount, want)
	}
}

// smallDisk mounts a file system of a few megabytes until the test ends.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test mounts a small file system, which only root may do: run it as root")
	}
	disk := t.TempDir()
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size="+size+",mode=700"); err != nil {
		t.Fatalf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(disk, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return disk
}

// fill writes a file until the disk is full, and returns its path.
func fill(t *testing.T, disk string) string {
	t.Helper()
	file, err := os.Create(filepath.Join(disk, "filler"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for size := 64 << 10; err == nil || size > 1; { // with smaller and smaller pieces
		if _, err = file.Write(make([]byte, size)); err != nil {
			size = max(1, size/2)
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return file.Name()
}

// TestDiskFull fills the disk of the database. Writes fail with a typed error and leave nothing behind, reads go on, and the
// server recovers by itself when there is space again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	for kind, database := range map[string]func(t *testing.T) (at, disk string){
		"sqlite": func(t *testing.T) (at, disk string) {
			disk = smallDisk(t, "8m")
			return "sqlite:" + filepath.Join(disk, "usher.db"), disk
		},
		"postgres": func(t *testing.T) (at, disk string) {
			at = storetest.URLs["postgres"](t)
			disk = smallDisk(t, "32m")
			moveDatabase(t, at, disk)
			return at, disk
		},
	} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			at, disk := database(t)
			operate(t, at, password+"\n", "user", "create", "--username", "root", "--role", "admin")
			s := start(t, at)
			a := &accounts{bearer: token(t, s, "root")}
			for range 20 {
				if err := a.create(s); err != nil {
					t.Fatal(err)
				}
			}

			filler := fill(t, disk)
			refused := 0
			for n := 0; refused < 50; n++ {
				if n > 100_000 {
					t.Fatal("the disk is full, and all accounts are created")
				}
				switch got := code(t, a.create(s)); got {
				case "":
				case "SERVICE_UNAVAILABLE":
					refused++
				default:
					t.Fatalf("createUser with a full disk: %s, want SERVICE_UNAVAILABLE", got)
				}
			}
			a.check(t, s)
			if got := status(t, s, "/healthz"); got != http.StatusOK {
				t.Errorf("/healthz with a full disk: %d", got)
			}
			// Others lose no access: `me` reads only.
			if err := graphql(s.url, a.bearer, `{ me { username } }`, nil, new(any)); err != nil {
				t.Errorf("me with a full disk: %v", err)
			}
			t.Logf("%d accounts before and after the disk was full, %d refused", a.acked.Load(), refused)

			if err := os.Remove(filler); err != nil {
				t.Fatal(err)
			}
			until(t, func() bool { return a.create(s) == nil })
			for range 20 {
				if err := a.create(s); err != nil {
					t.Errorf("createUser with space again: %v", err)
				}
			}
			a.check(t, s)
		})
	}
}

// moveDatabase moves a database of PostgreSQL to a disk. The log of the cluster stays where it is.
func moveDatabase(t *testing.T, at, disk string) {
	t.Helper()
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	conn := connectPostgres(t, u.String())
	var data string
	if err := conn.QueryRow(t.Context(), `SHOW data_directory`).Scan(&data); err != nil {
		t.Fatal(err)
	}
	owner, err := os.Stat(data)
	if err != nil {
		t.Fatalf("this test needs a PostgreSQL on this machine: %v", err)
	}
	inside, stat := filepath.Join(disk, "tablespace"), owner.Sys().(*syscall.Stat_t)
	for folder := disk; folder != os.TempDir() && folder != "/"; folder = filepath.Dir(folder) { // PostgreSQL must reach it
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Mkdir(inside, 0o700), os.Chown(inside, int(stat.Uid), int(stat.Gid))); err != nil {
		t.Fatal(err)
	}
	space := name + "_space"
	for _, statement := range []string{
		`CREATE TABLESPACE ` + space + ` LOCATION '` + inside + `'`,
		`ALTER DATABASE ` + name + ` SET TABLESPACE ` + space,
	} {
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		// The server has ended. The database must leave the disk before that is unmounted.
		conn := connectPostgres(t, u.String())
		for _, statement := range []string{`DROP DATABASE IF EXISTS ` + name + ` WITH (FORCE)`, `DROP TABLESPACE ` + space} {
			if _, err := conn.Exec(context.Background(), statement); err != nil {
				t.Error(err)
			}
		}
	})
}

func connectPostgres(t *testing.T, at string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), at) // also after the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

// outage is how long TestDatabaseGone cuts PostgreSQL off: go test -tags e2e ./internal/e2e -run DatabaseGone -outage 1m.
var outage = flag.Duration("outage", 10*time.Second, "how long PostgreSQL is gone")

// TestDatabaseGone cuts PostgreSQL off. Each request gets a typed error, nothing acknowledged is lost,
// the memory does not grow, and the server recovers by itself.
func TestDatabaseGone(t *testing.T) {
	t.Parallel()
	const clients = 20
	database := storetest.URLs["postgres"](t)
	operate(t, database, password+"\n", "user", "create", "--username", "root", "--role", "admin")
	cable := newCable(t, database)
	s := start(t, cable.url)
	a := &accounts{bearer: token(t, s, "root")}
	if err := a.create(s); err != nil {
		t.Fatal(err)
	}
	before := residentMemory(t, s)

	cable.cut()
	ctx, cancel := context.WithTimeout(t.Context(), *outage)
	defer cancel()
	var group sync.WaitGroup
	var mu sync.Mutex
	var slowest time.Duration
	var refused atomic.Int64
	for n := range clients {
		group.Go(func() {
			for range ticks(ctx, 500*time.Millisecond) { // as clients that follow retryAfter, and some that do not
				begin := time.Now()
				var err error
				if n%2 == 0 {
					err = a.create(s)
				} else {
					err = graphql(s.url, a.bearer, `{ me { username } }`, nil, new(any))
				}
				took := time.Since(begin)
				mu.Lock()
				slowest = max(slowest, took)
				mu.Unlock()
				if got := code(t, err); got == "SERVICE_UNAVAILABLE" {
					refused.Add(1)
				} else if ctx.Err() == nil {
					t.Errorf("without a database: %q, want SERVICE_UNAVAILABLE", got)
				}
			}
		})
	}
	for range ticks(ctx, 2*time.Second) {
		if got := status(t, s, "/healthz"); got != http.StatusOK {
			t.Errorf("/healthz: %d", got)
		}
		if got := status(t, s, "/readyz"); got != http.StatusServiceUnavailable && ctx.Err() == nil {
			t.Errorf("/readyz: %d", got)
		}
	}
	group.Wait()
	if after := residentMemory(t, s); after > before+64<<20 {
		t.Errorf("memory grew from %d MB to %d MB", before>>20, after>>20)
	}
	t.Logf("%d requests were refused in %v, the slowest in %v", refused.Load(), *outage, slowest)

	cable.connect()
	until(t, func() bool { return status(t, s, "/readyz") == http.StatusOK })
	if err := a.create(s); err != nil {
		t.Errorf("createUser afterwards: %v", err)
	}
	a.check(t, s)
}

// residentMemory returns the resident memory of a server in bytes.
func residentMemory(t *testing.T, s *server) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	var size, resident int
	if _, err := fmt.Sscan(string(text), &size, &resident); err != nil {
		t.Fatal(err)
	}
	return resident * os.Getpagesize()
}
