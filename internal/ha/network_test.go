//go:build ha

package ha

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// machine is a network namespace with one address, which stands for a machine.
type machine struct {
	name, address string
	folder        string // its files
}

// network is two switches. All machines are on the first, until one is cut off.
type network struct{ machines map[string]*machine }

// root is the folder of all files. It is in the memory of the namespace, so that nothing stays behind.
const root = "/run/usher-ha"

const (
	mainSwitch  = "main"
	otherSwitch = "other"
)

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{machines: map[string]*machine{}}
	run(t, "ip", "link", "add", mainSwitch, "type", "bridge")
	run(t, "ip", "link", "add", otherSwitch, "type", "bridge")
	run(t, "ip", "link", "set", mainSwitch, "up")
	run(t, "ip", "link", "set", otherSwitch, "up")
	for name, address := range map[string]string{
		"db1": "10.0.0.11", "db2": "10.0.0.12", "db3": "10.0.0.13", "app1": "10.0.0.21", "app2": "10.0.0.22",
	} {
		run(t, "ip", "netns", "add", name)
		run(t, "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
		run(t, "ip", "link", "set", name, "master", mainSwitch, "up")
		run(t, "ip", "-n", name, "address", "add", address+"/24", "dev", "eth0")
		run(t, "ip", "-n", name, "link", "set", "eth0", "up")
		run(t, "ip", "-n", name, "link", "set", "lo", "up")
		n.machines[name] = &machine{name: name, address: address, folder: filepath.Join(root, name)}
	}
	t.Cleanup(func() {
		for name := range n.machines {
			// The namespace lives until its last process has ended. Its link must be gone before the next test.
			run(t, "ip", "link", "delete", name)
			run(t, "ip", "netns", "delete", name)
		}
		run(t, "rm", "-rf", root)
		run(t, "ip", "link", "delete", mainSwitch)
		run(t, "ip", "link", "delete", otherSwitch)
	})
	return n
}

// cut moves machines to the other switch. They reach each other and nobody else. Packets get lost without a trace,
// as when a cable breaks.
func (n *network) cut(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		run(t, "ip", "link", "set", name, "master", otherSwitch)
	}
}

// join moves machines back.
func (n *network) join(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		run(t, "ip", "link", "set", name, "master", mainSwitch)
	}
}

// bind is a folder of a machine and the path at which its programs see it.
type bind struct{ folder, path string }

// command returns a command that runs on the machine. A user other than root runs it if user is set.
func (m *machine) command(ctx context.Context, user string, binds []bind, env []string, args ...string) *exec.Cmd {
	var script strings.Builder
	script.WriteString("set -e\n")
	for _, b := range binds {
		fmt.Fprintf(&script, "mkdir -p %s\nmount --bind %s %s\n", b.path, filepath.Join(m.folder, b.folder), b.path)
	}
	script.WriteString(`exec "$0" "$@"`)
	all := []string{"netns", "exec", m.name, "sh", "-c", script.String()}
	if user != "" {
		all = append(all, "setpriv", "--reuid="+user, "--regid="+user, "--init-groups")
	}
	cmd := exec.CommandContext(ctx, "ip", append(all, args...)...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "HOME=/var/lib/postgresql"}, env...)
	cmd.Dir = "/"
	return cmd
}

// dial opens a connection from the machine.
func (m *machine) dial(ctx context.Context, protocol, address string) (conn net.Conn, err error) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock it: the thread ends with the goroutine
		file, opened := os.Open("/run/netns/" + m.name)
		if err = opened; err != nil {
			return
		}
		defer file.Close()
		if err = unix.Setns(int(file.Fd()), syscall.CLONE_NEWNET); err == nil {
			conn, err = new(net.Dialer).DialContext(ctx, protocol, address)
		}
	}()
	<-done
	return conn, err
}

// run runs a command of the test itself.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
