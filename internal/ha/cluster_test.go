//go:build ha

package ha

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// examples is the folder with the files of the working example. The tests use them as they are.
const examples = "../../deploy/patroni"

// databases are the names of the database servers.
var databases = []string{"db1", "db2", "db3"}

// cluster is a running example.
type cluster struct {
	*network

	mu       sync.Mutex
	programs map[string]*program // by machine and name
}

// program is a running program.
type program struct {
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{network: newNetwork(t), programs: map[string]*program{}}
	t.Cleanup(func() {
		if *logs != "" {
			run(t, "cp", "-r", root, *logs)
		}
		if t.Failed() {
			c.showLogs(t)
		}
		for name := range c.programs {
			c.kill(t, name)
		}
		c.eachProcess(t, func(_ string, process *os.Process) { _ = process.Kill() })
	})
	for _, name := range databases {
		c.prepare(t, name)
		c.startEtcd(t, name)
	}
	for _, name := range databases {
		c.startPatroni(t, name)
	}
	c.awaitHealthy(t, 60*time.Second)
	return c
}

// file returns an example file for one database server: the comments of the file say what to change.
func file(t *testing.T, name, server string, address string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(examples, name))
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "ETCD_INITIAL_CLUSTER=") && server != "" {
			line = strings.ReplaceAll(strings.ReplaceAll(line, "10.0.0.11", address), "db1", server)
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}

// environment returns the variables of an example file.
func environment(text string) (env []string) {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			env = append(env, line)
		}
	}
	return env
}

// prepare creates the folders of a database server.
func (c *cluster) prepare(t *testing.T, name string) {
	t.Helper()
	m := c.machines[name]
	owner, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	gid, _ := strconv.Atoi(owner.Gid)
	for _, folder := range []string{"etcd", "data", "run", "etc"} {
		path := filepath.Join(m.folder, folder)
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
	for to, from := range map[string]string{"config.yml": "patroni.yml", "create-database.sh": "create-database.sh"} {
		if err := os.WriteFile(filepath.Join(m.folder, "etc", to), []byte(file(t, from, "", "")), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *cluster) startEtcd(t *testing.T, name string) {
	t.Helper()
	env := environment(file(t, "etcd.env", name, c.machines[name].address))
	c.start(t, name, "etcd", "postgres", []bind{{"etcd", "/var/lib/etcd"}}, env, "etcd")
}

// patroniBinds are the folders of Patroni and PostgreSQL.
var patroniBinds = []bind{{"data", "/var/lib/postgresql"}, {"run", "/var/run/postgresql"}, {"etc", "/etc/patroni"}}

func (c *cluster) startPatroni(t *testing.T, name string) {
	t.Helper()
	env := environment(file(t, "patroni.env", name, c.machines[name].address))
	c.start(t, name, "patroni", "postgres", patroniBinds, env, "patroni", "/etc/patroni/config.yml")
}

// start starts a program on a machine.
func (c *cluster) start(t *testing.T, name, what, as string, binds []bind, env []string, args ...string) {
	t.Helper()
	m := c.machines[name]
	if err := os.MkdirAll(m.folder, 0o755); err != nil {
		t.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(m.folder, what+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	cmd := m.command(context.Background(), as, binds, env, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &program{cmd: cmd, log: log, ended: make(chan struct{})}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait()
		_ = log.Close()
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.programs[name+" "+what] = p
}

// signal sends a signal to a program: its name is that of the machine and its own.
func (c *cluster) signal(t *testing.T, name string, s syscall.Signal) {
	t.Helper()
	c.mu.Lock()
	p := c.programs[name]
	c.mu.Unlock()
	if err := p.cmd.Process.Signal(s); err != nil {
		t.Logf("%s: %v", name, err)
	}
}

func (c *cluster) kill(t *testing.T, name string) {
	t.Helper()
	c.signal(t, name, syscall.SIGKILL)
	<-c.programs[name].ended
}

// crash kills Patroni and all processes of PostgreSQL on a machine.
func (c *cluster) crash(t *testing.T, name string) {
	t.Helper()
	c.signal(t, name+" patroni", syscall.SIGKILL)
	c.eachProcess(t, func(machine string, process *os.Process) {
		comm, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", process.Pid))
		if machine == name && strings.TrimSpace(string(comm)) == "postgres" {
			_ = process.Kill()
		}
	})
	<-c.programs[name+" patroni"].ended
}

// eachProcess calls f for the processes of all machines.
func (c *cluster) eachProcess(t *testing.T, f func(machine string, process *os.Process)) {
	t.Helper()
	for name := range c.machines {
		for id := range strings.FieldsSeq(run(t, "ip", "netns", "pids", name)) {
			pid, err := strconv.Atoi(id)
			if err != nil {
				t.Fatal(err)
			}
			if process, err := os.FindProcess(pid); err == nil {
				f(name, process)
			}
		}
	}
}

// showLogs prints the end of each log.
func (c *cluster) showLogs(t *testing.T) {
	t.Helper()
	logs, _ := filepath.Glob(filepath.Join(root, "*", "*.log"))
	for _, log := range logs {
		text, _ := os.ReadFile(log)
		lines := bytes.Split(text, []byte("\n"))
		t.Logf("%s:\n%s", log, bytes.Join(lines[max(0, len(lines)-25):], []byte("\n")))
	}
}

// member is what Patroni says of one server.
type member struct {
	Name, Role, State string
	Lag               any
}

// members asks one Patroni for all servers.
func (c *cluster) members(ctx context.Context, at string) ([]member, error) {
	var answer struct{ Members []member }
	err := c.ask(ctx, at, "/cluster", &answer)
	return answer.Members, err
}

// holdsLock returns an error unless a server is the primary and holds the lock.
func (c *cluster) holdsLock(ctx context.Context, at string) error {
	var answer struct{}
	return c.ask(ctx, at, "/primary", &answer)
}

// ask sends a request to Patroni.
func (c *cluster) ask(ctx context.Context, at, path string, answer any) error {
	m := c.machines[at]
	client := http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DialContext: m.dial, DisableKeepAlives: true}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.address+":8008"+path, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s at %s: %s", path, at, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

// roles returns the names of the primary, of the synchronous standby and of the other one, or "" for those that are
// missing. All three servers must agree.
func (c *cluster) roles(ctx context.Context) (primary, standby, other string, err error) {
	for i, at := range databases {
		members, err := c.members(ctx, at)
		if err != nil {
			return "", "", "", err
		}
		found := map[string]string{}
		for _, m := range members {
			if m.State == "running" || m.State == "streaming" {
				found[m.Role] = m.Name
			}
		}
		if i > 0 && (found["leader"] != primary || found["sync_standby"] != standby || found["replica"] != other) {
			return "", "", "", fmt.Errorf("%s disagrees: %v", at, members)
		}
		primary, standby, other = found["leader"], found["sync_standby"], found["replica"]
	}
	return primary, standby, other, nil
}

// streaming returns an error unless both standbys receive the log of the primary. Patroni also calls a standby running
// that is still being rewound.
func (c *cluster) streaming(ctx context.Context, t *testing.T, primary string) error {
	t.Helper()
	conn, err := c.connect(ctx, t, primary, "postgres")
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var standbys int
	err = conn.QueryRow(ctx, `SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name LIKE 'db%'`).Scan(&standbys)
	if err == nil && standbys < len(databases)-1 {
		err = fmt.Errorf("%d standbys receive the log", standbys)
	}
	return err
}

// awaitHealthy waits until there are a primary, a synchronous standby and an asynchronous one.
func (c *cluster) awaitHealthy(t *testing.T, limit time.Duration) (primary, standby, other string) {
	t.Helper()
	await(t, limit, "a primary, a synchronous standby and another one", func(ctx context.Context) (err error) {
		primary, standby, other, err = c.roles(ctx)
		if err == nil && (primary == "" || standby == "" || other == "") {
			err = fmt.Errorf("primary %q, synchronous standby %q, other %q", primary, standby, other)
		}
		if err == nil {
			err = c.streaming(ctx, t, primary)
		}
		return err
	})
	return primary, standby, other
}

// await calls f until it succeeds.
func await(t *testing.T, limit time.Duration, what string, f func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for {
		err := f(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("no %s within %v: %v", what, limit, err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
