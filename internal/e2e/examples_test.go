//go:build e2e

package e2e

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"usher/internal/storetest"
)

// TestClientLibrary runs the tests of clients/js, which the console and the example frontends use.
func TestClientLibrary(t *testing.T) {
	t.Parallel()
	library := filepath.Join("..", "..", "clients", "js")
	install(t, library)
	npm(t, library, "run", "lint")
	npm(t, library, "test")
}

// TestExamples uses the example frontends in a browser.
func TestExamples(t *testing.T) {
	chromium(t)
	folder, err := filepath.Abs("../../examples")
	if err != nil {
		t.Fatal(err)
	}
	tests := filepath.Join(folder, "e2e")
	install(t, tests)
	for _, name := range []string{"apollo-react", "urql-react"} {
		example := filepath.Join(folder, name)
		install(t, example)
		npm(t, example, "run", "check")
		npm(t, example, "run", "build")
	}
	for name, database := range map[string]string{"apollo-react": "postgres", "urql-react": "sqlite"} { // which pages do not notice
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they wait for tokens to expire
			url, page, allowed := storetest.URLs[database](t), "http://localhost:"+freePort(t), "http://app.site.localhost:"+freePort(t)
			operate(t, url, "four small green turtles\n", "user", "create", "--username", "root", "--role", "admin")
			address := freeAddress(t)
			issuer, setting := startProvider(t, address)
			s := startWith(t, []string{setting}, address, url, "--dev", "--access-token-ttl", "1s", "--refresh-grace", "1ms", "--allowed-origins", allowed,
				"--passkey-rp-id", "localhost", "--passkey-origins", page)
			node(t, tests, "example.mjs", filepath.Join(folder, name), s.url, page, allowed, issuer)
		})
	}
}

// freePort returns a port that is free.
func freePort(t *testing.T) string {
	t.Helper()
	_, port, err := net.SplitHostPort(freeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestExamplesAgree compares the files that do not depend on the GraphQL client. Each example has a copy, so
// that users can copy an example as a whole.
func TestExamplesAgree(t *testing.T) {
	for _, file := range []string{
		"src/usher.ts", "src/useChallenge.ts", "src/link.ts", "src/Form.tsx", "src/Passkey.tsx", "src/Provider.tsx", "src/SecondStep.tsx", "codegen.ts", "eslint.config.js", "tsconfig.json", "vite.config.ts",
	} {
		if read(t, filepath.Join("../../examples/apollo-react", file)) != read(t, filepath.Join("../../examples/urql-react", file)) {
			t.Errorf("%s differs", file)
		}
	}
}

// install installs the packages of a folder's lock file, unless they are installed.
func install(t *testing.T, dir string) {
	t.Helper()
	if _, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json")); err != nil {
		npm(t, dir, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	}
}

func npm(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "npm", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("npm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
