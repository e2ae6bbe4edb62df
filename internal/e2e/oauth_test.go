//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"usher/internal/storetest"
)

// TestOAuthClients uses all features of the OAuth endpoints with client libraries.
func TestOAuthClients(t *testing.T) {
	for name, database := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			database := database(t)
			const resource = "https://api.example.com"
			s := start(t, database, "--dev", "--audience", resource) // --dev enables the password grant
			id, secret := register(t, database, "--resource", resource)
			for _, library := range []string{"openid-client", "oauth4webapi"} {
				t.Run(library, func(t *testing.T) {
					node(t, "oauth", library+".mjs", s.url, id, secret, resource)
				})
			}
			usher(t, database, "client", "delete", id)
			if _, status := clientToken(t, s, id, secret); status != http.StatusUnauthorized {
				t.Errorf("a deleted client: %d", status)
			}
		})
	}
}

// TestPublishedKeys verifies access tokens with libraries and the server's JWK Set.
func TestPublishedKeys(t *testing.T) {
	for name, database := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			database := database(t)
			s := start(t, database)
			id, secret := register(t, database)
			t.Run("jose", func(t *testing.T) { node(t, "oauth", "jose.mjs", s.url) })
			t.Run("go-oidc", func(t *testing.T) { verifyClientToken(t, s, id, secret) })
		})
	}
}

// verifyClientToken finds the keys by discovery. The audience is the issuer unless the client requests a resource.
func verifyClientToken(t *testing.T, s *server, id, secret string) {
	provider, err := oidc.NewProvider(t.Context(), s.url)
	if err != nil {
		t.Fatal(err)
	}
	config := &oidc.Config{ClientID: s.url, SupportedSigningAlgs: []string{oidc.ES256}}
	raw, status := clientToken(t, s, id, secret)
	if status != http.StatusOK {
		t.Fatalf("client_credentials: %d", status)
	}
	token, err := provider.Verifier(config).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	if token.Subject != id || token.Issuer != s.url {
		t.Errorf("the token is %s's by %s, want %s's by %s", token.Subject, token.Issuer, id, s.url)
	}

	tampered := []byte(raw)
	middle := len(raw) / 2
	tampered[middle] ^= 1
	if _, err := provider.Verifier(config).Verify(t.Context(), string(tampered)); err == nil {
		t.Error("a modified token is accepted")
	}
	config.ClientID = "https://other.example"
	if _, err := provider.Verifier(config).Verify(t.Context(), raw); err == nil {
		t.Error("a token for another audience is accepted")
	}
}

// clientToken requests a client's access token, and returns it and the status of the response.
func clientToken(t *testing.T, s *server, id, secret string) (token string, status int) {
	t.Helper()
	return issue(t, s, url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {secret}})
}

// issue sends a form to the token endpoint.
func issue(t *testing.T, s *server, form url.Values) (token string, status int) {
	t.Helper()
	response, err := http.PostForm(s.url+"/oauth/token", form)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	return answer.AccessToken, response.StatusCode
}

var clientCredentials = regexp.MustCompile(`(?m)^client_id +(\S+)\nclient_secret +(\S+)$`)

// register creates a client with the command line.
func register(t *testing.T, database string, flags ...string) (id, secret string) {
	t.Helper()
	args := append([]string{"client", "create", "--name", "End to end"}, flags...)
	found := clientCredentials.FindStringSubmatch(usher(t, database, args...))
	if found == nil {
		t.Fatal("usher client create shows no credentials")
	}
	return found[1], found[2]
}

// usher runs an operator's command and returns what it prints.
func usher(t *testing.T, database string, args ...string) string {
	t.Helper()
	cmd := command(t, database, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("usher %s: %v\n%s", args[0], err, &stderr)
	}
	return string(out)
}
