//go:build e2e

package e2e

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
)

// installing lets one test at a time install packages.
var installing sync.Mutex

// program returns the path of a program of Debian, and installs its packages if it is missing.
func program(t *testing.T, name, packages string) string {
	t.Helper()
	installing.Lock()
	defer installing.Unlock()
	path, err := exec.LookPath(name)
	if err != nil {
		debian(t, packages)
		path, err = exec.LookPath(name)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return path
}

// debian installs packages of Debian without starting their services. Only root may do that.
func debian(t *testing.T, packages string) {
	t.Helper()
	install := "apt-get install -y --no-install-recommends " + packages
	if os.Getuid() != 0 {
		t.Fatalf("this test needs %s: run %s", strings.ReplaceAll(packages, " ", ", "), install)
	}
	// invoke-rc.d starts nothing if this file exits with 101.
	const policy = "/usr/sbin/policy-rc.d"
	if _, err := os.Stat(policy); errors.Is(err, fs.ErrNotExist) {
		if err := os.WriteFile(policy, []byte("#!/bin/sh\nexit 101\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(policy)
	}
	for _, command := range []string{"apt-get update", install} {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
	}
}
