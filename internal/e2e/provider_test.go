//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startProvider runs a real provider of OpenID Connect until the test ends. It returns its issuer, and the settings with which
// an Usher at an address signs users in there.
func startProvider(t *testing.T, address string) (issuer, setting string) {
	t.Helper()
	install(t, "provider")
	port := freePort(t)
	issuer = "http://localhost:" + port // another site than that of Usher
	file := filepath.Join(t.TempDir(), "client-secret")
	if err := os.WriteFile(file, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "provider.mjs", port, "http://"+address+"/auth/callback/acme")
	cmd.Dir = "provider"
	cmd.Env = append(os.Environ(), "CLIENT_SECRET="+secret)
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
		_ = cmd.Wait() // the test is over, which ends it too
	})
	if line, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || strings.TrimSpace(line) != "listening" {
		t.Fatalf("the provider did not start: %q, %v", line, err)
	}
	providers, err := json.Marshal([]map[string]any{{
		"id": "acme", "name": "Acme", "issuer": issuer, "clientId": "usher", "clientSecretFile": file, "allowPrivateAddresses": true,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return issuer, "USHER_PROVIDERS=" + string(providers)
}
