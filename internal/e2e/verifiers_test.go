//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"usher/internal/storetest"
)

var updateVerifiers = flag.Bool("update", false, "write the table of TestVerifiers to docs/clients.md")

// verification is what a library says about tokens of one algorithm.
type verification struct {
	Library string    // its packages with their versions
	Errors  []*string // why it refuses each token, or nil
}

// task is the input of the programs in the folder verifiers.
type task struct {
	Issuer    string   `json:"issuer"`
	Audience  string   `json:"audience"`
	Algorithm string   `json:"algorithm"`
	Tokens    []string `json:"tokens"` // a valid one, and one with a changed payload
}

// TestVerifiers verifies access tokens of each published algorithm with the libraries that services use. It
// compares the result with the table in docs/clients.md. No library may accept a token with a changed payload.
func TestVerifiers(t *testing.T) {
	install(t, "verifiers")
	if exec.CommandContext(t.Context(), python, "-c", "import jwt, cryptography").Run() != nil {
		debian(t, "python3-jwt python3-cryptography")
	}
	algorithms := []string{oidc.ES256, oidc.RS256, oidc.EdDSA}
	var libraries []string
	verdicts := make(map[string][]string)
	for _, algorithm := range algorithms {
		for _, v := range verifyWithAll(t, algorithm) {
			if len(v.Errors) != 2 {
				t.Fatalf("%s with %s: %d results for 2 tokens", v.Library, algorithm, len(v.Errors))
			}
			verdict := "yes"
			if v.Errors[0] != nil {
				t.Logf("%s with %s: %s", v.Library, algorithm, *v.Errors[0])
				verdict = "no"
			}
			if v.Errors[1] == nil {
				t.Errorf("%s with %s accepts a changed payload", v.Library, algorithm)
			}
			if verdicts[v.Library] == nil {
				libraries = append(libraries, v.Library)
			}
			verdicts[v.Library] = append(verdicts[v.Library], verdict)
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "| library | %s |\n| --- |%s\n", strings.Join(algorithms, " | "), strings.Repeat(" --- |", len(algorithms)))
	for _, library := range libraries {
		fmt.Fprintf(&table, "| %s | %s |\n", library, strings.Join(verdicts[library], " | "))
	}
	compareVerifiers(t, table.String())
}

// python is Debian's, which finds Debian's packages.
const python = "/usr/bin/python3"

// verifyWithAll asks every library about tokens of a new server.
func verifyWithAll(t *testing.T, algorithm string) (all []verification) {
	t.Helper()
	const audience = "https://api.example.com"
	database := storetest.URLs["sqlite"](t)
	s := start(t, database, "--algorithm", algorithm, "--audience", audience)
	id, secret := register(t, database)
	token, status := issue(t, s, url.Values{
		"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}, "resource": {audience},
	})
	if status != http.StatusOK {
		t.Fatalf("client_credentials: %d", status)
	}
	input := task{Issuer: s.url, Audience: audience, Algorithm: algorithm, Tokens: []string{token, withSubject(t, token, "somebody else")}}
	all = verifyWith(t, input, "node", "verify.mjs")
	all = append(all, verifyWithGoOIDC(t, input))
	return append(all, verifyWith(t, input, python, "verify.py")...)
}

// verifyWith runs a program of the folder verifiers.
func verifyWith(t *testing.T, input task, program, script string) (results []verification) {
	t.Helper()
	body, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, script)
	cmd.Dir, cmd.Stdin = "verifiers", bytes.NewReader(body)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, &stderr)
	}
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return results
}

func verifyWithGoOIDC(t *testing.T, input task) verification {
	t.Helper()
	const module = "github.com/coreos/go-oidc/v3"
	version, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	result := verification{Library: "go-oidc " + strings.TrimPrefix(strings.TrimSpace(string(version)), "v")}
	provider, err := oidc.NewProvider(t.Context(), input.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := &oidc.Config{ClientID: input.Audience, SupportedSigningAlgs: []string{input.Algorithm}}
	for _, token := range input.Tokens {
		var refusal *string
		if _, err := provider.Verifier(config).Verify(t.Context(), token); err != nil {
			refusal = new(err.Error())
		}
		result.Errors = append(result.Errors, refusal)
	}
	return result
}

// withSubject changes the payload of a token, and leaves its header and its signature.
func withSubject(t *testing.T, token, subject string) string {
	t.Helper()
	parts := strings.Split(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	claims["sub"] = subject
	if raw, err = json.Marshal(claims); err != nil {
		t.Fatal(err)
	}
	parts[1] = base64.RawURLEncoding.EncodeToString(raw)
	return strings.Join(parts, ".")
}

var (
	verifiersTable = regexp.MustCompile(`(?s)(<!-- verifiers -->\n).*(<!-- /verifiers -->)`)
	pyJWT          = regexp.MustCompile(`PyJWT [0-9.]+`)
)

// compareVerifiers compares the measured table with the one in docs/clients.md. The version of PyJWT may differ,
// because it depends on the release of Debian.
func compareVerifiers(t *testing.T, measured string) {
	t.Helper()
	file := filepath.Join("..", "..", "docs", "clients.md")
	page := read(t, file)
	found := verifiersTable.FindString(page)
	if found == "" {
		t.Fatalf("%s has no table of verifiers", file)
	}
	want := verifiersTable.ReplaceAllString(found, "${1}"+measured+"${2}")
	if *updateVerifiers {
		if err := os.WriteFile(file, []byte(strings.Replace(page, found, want, 1)), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	found = pyJWT.ReplaceAllString(found, pyJWT.FindString(measured))
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(found, "\n")); diff != "" {
		t.Errorf("go test -tags e2e ./internal/e2e -run Verifiers -update updates %s (-want +got):\n%s", file, diff)
	}
}
