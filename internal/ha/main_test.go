//go:build ha

package ha

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

var (
	// full runs all faults with each way to find the primary. Without it, the tests take about 90 s.
	full = flag.Bool("full", false, "run all faults with each way to find the primary")
	logs = flag.String("logs", "", "folder to which the files of the cluster are copied at the end")
)

// inside marks the process that runs in namespaces of its own.
const inside = "USHER_HA_INSIDE"

// programs is the folder of the programs under test: usher, and ahead, whose clock is 30 s ahead.
var programs string

// TestMain starts the tests again in new network, mount and process namespaces. They need no address of this machine,
// and the kernel removes all processes, networks and mounts when the tests end, even if they are killed.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(inside) == "" {
		os.Exit(outside())
	}
	programs = os.Getenv(inside)
	// machine.dial moves threads to other network namespaces. The first thread stands for the process and must stay.
	runtime.LockOSThread()
	os.Exit(m.Run())
}

func outside() int {
	if err := install(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	folder, err := os.MkdirTemp("", "usher-ha-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	if err := build(folder); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	// The signal of Pdeathsig comes when the thread ends that started the process.
	runtime.LockOSThread()
	// A shell is process 1 of the namespace, because it collects the processes whose parents have ended.
	arguments := []string{
		"--net", "--mount", "--pid", "--mount-proc", "--fork", "--kill-child",
		"sh", "-c", `mount -t tmpfs tmpfs /run && mkdir /run/netns && ip link set lo up && "$0" "$@"; exit $?`,
	}
	cmd := exec.Command("unshare", append(arguments, os.Args...)...)
	cmd.Env = append(os.Environ(), inside+"="+folder)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		fmt.Fprintln(os.Stderr, err)
	}
	return max(cmd.ProcessState.ExitCode(), 0)
}

// build builds the programs under test. The clock of a Go program can neither be set by libfaketime nor by a time
// namespace. So ahead is built from sources in which one line differs.
func build(folder string) error {
	const serve = "../../cmd/usher/serve.go"
	source, err := os.ReadFile(serve)
	if err != nil {
		return err
	}
	const usual, changed = "app.Overrides{}", "app.Overrides{Now: ahead}"
	if strings.Count(string(source), usual) != 1 {
		return errors.New(serve + ": want " + usual + " once")
	}
	source = []byte(strings.Replace(string(source), usual, changed, 1) + `
func ahead() time.Time { return time.Now().Add(30 * time.Second) }
`)
	source = []byte(strings.Replace(string(source), `"syscall"`, "\"syscall\"\n\t\"time\"", 1))
	copied, overlay := filepath.Join(folder, "serve.go"), filepath.Join(folder, "overlay.json")
	if err := os.WriteFile(copied, source, 0o600); err != nil {
		return err
	}
	absolute, err := filepath.Abs(serve)
	if err != nil {
		return err
	}
	replaced, err := json.Marshal(map[string]any{"Replace": map[string]string{absolute: copied}})
	if err != nil {
		return err
	}
	if err := os.WriteFile(overlay, replaced, 0o600); err != nil {
		return err
	}
	for program, flags := range map[string][]string{"usher": nil, "ahead": {"-overlay", overlay}} {
		args := append([]string{"build", "-o", filepath.Join(folder, program)}, flags...)
		cmd := exec.Command("go", append(args, "usher/cmd/usher")...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("go build: %w\n%s", err, out)
		}
	}
	return nil
}

// packages are Debian's packages that the tests need.
const packages = "patroni etcd-server haproxy pgbouncer postgresql-15 iproute2"

// install installs the packages. It does not let Debian start their services.
func install() error {
	missing := false
	for _, program := range []string{
		"/usr/bin/patroni", "/usr/bin/etcd", "/usr/sbin/haproxy", "/usr/sbin/pgbouncer",
		"/usr/lib/postgresql/15/bin/postgres", "/bin/ip", "/usr/bin/unshare", "/usr/bin/setpriv",
	} {
		if _, err := os.Stat(program); err != nil {
			missing = true
		}
	}
	command := "apt-get install -y --no-install-recommends " + packages
	if os.Getuid() != 0 {
		return fmt.Errorf("these tests need root, for network namespaces, and Debian 12 with these packages: %s", command)
	}
	if !missing {
		return nil
	}
	// invoke-rc.d asks policy-rc.d whether a service may start. 101 means no.
	const policy = "/usr/sbin/policy-rc.d"
	if _, err := os.Stat(policy); err != nil {
		if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
			return err
		}
		defer os.Remove(policy)
	}
	for _, command := range []string{"apt-get update", command} {
		cmd := exec.Command("sh", "-c", command)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", command, err, out)
		}
	}
	return nil
}
