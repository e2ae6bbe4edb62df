//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/storetest"
)

// TestGoClient uses examples/go-client as its README describes, and runs its tests.
func TestGoClient(t *testing.T) {
	t.Parallel() // most of it is waiting for an access token to expire, with the leeway of 30 s
	dir := filepath.Join("..", "..", "examples", "go-client")
	program := filepath.Join(t.TempDir(), "go-client")
	goTool(t, dir, "build", "-o", program, ".")
	goTool(t, dir, "vet", "-tags", "e2e", "./...")
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t, url(t), "--access-token-ttl", "1s")
			var out []byte
			var err error
			var wg sync.WaitGroup
			wg.Go(func() {
				cmd := exec.CommandContext(t.Context(), "go", "test", "-tags", "e2e", "-count=1", "./...")
				cmd.Dir, cmd.Env = dir, append(os.Environ(), "USHER_URL="+s.url)
				out, err = cmd.CombinedOutput()
			})
			goClient(t, s, program)
			wg.Wait()
			if err != nil {
				t.Errorf("go test: %v\n%s", err, out)
			}
		})
	}
}

// TestGoClientGenerated checks that the generated code of examples/go-client is up to date with its schema, its
// operations and its generator.
func TestGoClientGenerated(t *testing.T) {
	root, copied := filepath.Join("..", ".."), t.TempDir()
	copyRepository(t, root, copied)
	client := filepath.Join("examples", "go-client")
	goTool(t, filepath.Join(copied, client), "generate", "./...")
	generated := filepath.Join(client, "usher", "generated.go")
	if diff := cmp.Diff(read(t, filepath.Join(copied, generated)), read(t, filepath.Join(root, generated))); diff != "" {
		t.Errorf("stale: run go generate ./... in %s (-want +got):\n%s", client, diff)
	}
}

// goTool runs the go command in another module.
func goTool(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("go %s: %v\n%s", args[0], err, out)
	}
}

func goClient(t *testing.T, s *server, program string) {
	home := t.TempDir()
	file := filepath.Join(home, "usher", "go-client.json")
	const password = "four small green turtles"
	run := func(status int, want string, args ...string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Env = []string{"XDG_CONFIG_HOME=" + home, "HOME=" + home, "USHER_URL=" + s.url, "USHER_PASSWORD=" + password}
		out, err := cmd.CombinedOutput()
		if err != nil && !errors.As(err, new(*exec.ExitError)) {
			t.Fatal(err)
		}
		if cmd.ProcessState.ExitCode() != status || !strings.Contains(string(out), want) {
			t.Errorf("%v: status %d, want %d, and %q in:\n%s", args, cmd.ProcessState.ExitCode(), status, want, out)
		}
		if strings.Contains(string(out), password) {
			t.Errorf("%v shows the password", args)
		}
	}
	type credentials struct{ AccessToken, RefreshToken, DeviceToken string }
	kept := func() (c credentials) {
		t.Helper()
		if err := json.Unmarshal([]byte(read(t, file)), &c); err != nil {
			t.Fatal(err)
		}
		return c
	}
	reason := func(c credentials) string {
		refused, data := answerError{}, struct{ Me struct{ ID string } }{}
		errors.As(graphql(s.url, c.AccessToken, `{ me { id } }`, nil, &data), &refused)
		return refused.Extensions.Reason
	}

	run(1, "Sign in", "me")
	run(1, "not a command", "login")
	run(1, "INVALID_CREDENTIALS", "login", "ada")
	run(0, "", "signup", "ada")
	run(1, "username", "signup", "ada") // the user name is taken
	first := kept()
	run(0, "ada", "me")
	until(t, func() bool { return reason(first) == "TOKEN_EXPIRED" })
	run(0, "ada", "me")
	second := kept()
	if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
		t.Error("an expired access token was not replaced or not stored")
	}
	run(0, "(this one)", "sessions")

	// Another client ends the session.
	var other struct{ Login struct{ AccessToken string } }
	if err := graphql(s.url, "", `mutation { login(input: {identifier: "ada", password: "`+password+`"}) { accessToken } }`, nil, &other); err != nil {
		t.Fatal(err)
	}
	var ended struct {
		RevokeOtherSessions struct{ RevokedCount int }
	}
	if err := graphql(s.url, other.Login.AccessToken, `mutation { revokeOtherSessions { revokedCount } }`, nil, &ended); err != nil || ended.RevokeOtherSessions.RevokedCount != 1 {
		t.Fatalf("%d sessions ended: %v", ended.RevokeOtherSessions.RevokedCount, err)
	}
	run(1, "Sign in again", "me")
	run(1, "Nobody is signed in", "me")
	if c := kept(); c != (credentials{DeviceToken: first.DeviceToken}) || c.DeviceToken == "" {
		t.Errorf("after the end of the session the file has %+v, want only the device token", c)
	}

	// Strangers guess. The client signs in, because its device is known. Then it ends the other session and its own.
	for range 11 {
		err := graphql(s.url, "", `mutation { login(input: {identifier: "ada", password: "wrong"}) { accessToken } }`, nil, new(struct{}))
		if err == nil {
			t.Error("a wrong password is right")
		}
	}
	run(0, "", "login", "ada")
	run(1, "no such session", "revoke", "nothing")
	run(0, "", "revoke", claim(t, other.Login.AccessToken, "sid"))
	if got := reason(credentials{AccessToken: other.Login.AccessToken}); got != "SESSION_ENDED" {
		t.Errorf("after revoke: %q", got)
	}
	third := kept()
	run(0, "", "logout")
	if got := reason(third); got != "SESSION_ENDED" {
		t.Errorf("after logout: %q", got)
	}
	run(1, "Nobody is signed in", "logout")
}

// TestNodeService sends valid and invalid tokens to examples/node-service.
func TestNodeService(t *testing.T) {
	t.Parallel() // most of it is waiting for a new key and for a token to expire
	dir := filepath.Join("..", "..", "examples", "node-service")
	node(t, dir, "--check", "service.js") // also installs its packages
	for name, database := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testNodeService(t, dir, database(t))
		})
	}
}

func testNodeService(t *testing.T, dir, database string) {
	const audience, password = "https://api.example.com", "four small green turtles"
	const another = "https://other.example.com"
	s := start(t, database, "--audience", audience+","+another)
	brief := start(t, database, "--audience", audience, "--issuer", s.url, "--access-token-ttl", "1s")
	id, clientSecret := register(t, database, "--resource", audience)
	service := startNodeService(t, dir, "ISSUER="+s.url, "AUDIENCE="+audience, "CLIENT_ID="+id, "CLIENT_SECRET="+clientSecret)
	elsewhere := startNodeService(t, dir, "ISSUER="+s.url, "AUDIENCE="+another)
	lonely := startNodeService(t, dir, "ISSUER=http://"+freeAddress(t), "AUDIENCE="+audience)

	ask := func(service, method, path, authorization string) (status int, challenge, body string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, service+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if authorization != "" {
			r.Header.Set("Authorization", authorization)
		}
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var raw bytes.Buffer
		if _, err := raw.ReadFrom(response.Body); err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, response.Header.Get("WWW-Authenticate"), raw.String()
	}
	const refresh = `mutation ($input: RefreshInput!) { refresh(input: $input) { accessToken } }`
	// signIn returns an access token for Usher and one for the service.
	signIn := func(s *server, mutation, name string) (own, token string) {
		t.Helper()
		var data map[string]struct{ AccessToken, RefreshToken string }
		if err := graphql(s.url, "", mutation, map[string]any{"name": name, "password": password}, &data); err != nil {
			t.Fatal(err)
		}
		for _, payload := range data {
			own = payload.AccessToken
			input := map[string]any{"refreshToken": payload.RefreshToken, "resource": audience}
			var refreshed struct{ Refresh struct{ AccessToken string } }
			if err := graphql(s.url, "", refresh, map[string]any{"input": input}, &refreshed); err != nil {
				t.Fatal(err)
			}
			token = refreshed.Refresh.AccessToken
		}
		return own, token
	}
	const (
		signup = `mutation ($name: Username!, $password: Password!) { signup(input: {username: $name, password: $password}) { accessToken refreshToken } }`
		login  = `mutation ($name: String!, $password: Password!) { login(input: {identifier: $name, password: $password}) { accessToken refreshToken } }`
	)
	own, user := signIn(s, signup, "ada")
	operate(t, database, password, "user", "create", "--username", "root", "--role", "admin")
	ownAdmin, admin := signIn(s, login, "root")
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {id}, "client_secret": {clientSecret}, "resource": {audience}}
	machine, _ := issue(t, s, form)
	_, short := signIn(brief, signup, "brief")
	header, claims, _ := strings.Cut(user, ".")
	claims, _, _ = strings.Cut(claims, ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"at+jwt"}`)) + "." + claims + "."
	untyped := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"`+kid(t, user)+`"}`)) + strings.TrimPrefix(user, header)

	const missing, invalid, insufficient = `Bearer realm="node-service"`, `Bearer error="invalid_token"`, `Bearer error="insufficient_scope"`
	for _, c := range []struct {
		name, service, method, path, authorization string
		status                                     int
		challenge                                  string
	}{
		{"user", service, "GET", "/hello", "Bearer " + user, 200, ""},
		{"scheme in other letters", service, "GET", "/hello", "bearer " + user, 200, ""},
		{"administrator", service, "GET", "/reports", "Bearer " + admin, 200, ""},
		{"administrator deletes", service, "DELETE", "/reports", "Bearer " + admin, 200, ""},
		{"no token", service, "GET", "/hello", "", 401, missing},
		{"no token for reports", service, "GET", "/reports", "", 401, missing},
		{"other scheme", service, "GET", "/hello", "Basic " + user, 401, missing},
		{"garbage", service, "GET", "/hello", "Bearer garbage", 401, invalid},
		{"no signature", service, "GET", "/hello", "Bearer " + unsigned, 401, invalid},
		{"other header", service, "GET", "/hello", "Bearer " + untyped, 401, invalid},
		{"a client's own token", service, "GET", "/hello", "Bearer " + machine, 401, invalid},
		{"for Usher", service, "GET", "/hello", "Bearer " + own, 401, invalid},
		{"for Usher, of an administrator", service, "DELETE", "/reports", "Bearer " + ownAdmin, 401, invalid},
		{"for another service", elsewhere, "GET", "/hello", "Bearer " + user, 401, invalid},
		{"user for reports", service, "GET", "/reports", "Bearer " + user, 403, insufficient},
		{"user deletes", service, "DELETE", "/reports", "Bearer " + user, 403, insufficient},
		{"no server", lonely, "GET", "/hello", "Bearer " + user, 503, ""},
		{"no such path", service, "GET", "/", "", 404, ""},
	} {
		status, challenge, body := ask(c.service, c.method, c.path, c.authorization)
		if status != c.status || !strings.HasPrefix(challenge, c.challenge) || (challenge == "") != (c.challenge == "") {
			t.Errorf("%s: %d, %q, %s", c.name, status, challenge, body)
		}
	}
	if _, _, body := ask(service, "GET", "/hello", "Bearer "+user); body != `{"hello":"`+claim(t, user, "sub")+`"}` {
		t.Errorf("hello: %s", body)
	}
	// The server rejects tokens for the service.
	for name, token := range map[string]string{"user": user, "administrator": admin, "client": machine} {
		refused := answerError{}
		err := graphql(s.url, token, `{ me { id sessions { edges { node { id } } } } }`, nil, new(struct{}))
		if !errors.As(err, &refused) || refused.Extensions.Reason != "TOKEN_INVALID" {
			t.Errorf("the service replays the token of the %s at /graphql: %v", name, err)
		}
		if status, challenge, body := ask(s.url, "GET", "/userinfo", "Bearer "+token); status != http.StatusUnauthorized || !strings.HasPrefix(challenge, invalid) {
			t.Errorf("the service replays the token of the %s at /userinfo: %d, %q, %s", name, status, challenge, body)
		}
	}
	if status, _, body := ask(s.url, "GET", "/userinfo", "Bearer "+own); status != http.StatusOK {
		t.Errorf("a token for Usher at /userinfo: %d, %s", status, body)
	}
	until(t, func() bool {
		status, challenge, _ := ask(service, "GET", "/hello", "Bearer "+short)
		return status == http.StatusUnauthorized && strings.HasPrefix(challenge, invalid)
	})

	// A verified token stays valid after a logout. Introspection detects the logout.
	var data struct{ Logout struct{ SessionID string } }
	if err := graphql(s.url, ownAdmin, `mutation { logout { sessionId } }`, nil, &data); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := ask(service, "GET", "/reports", "Bearer "+admin); status != http.StatusOK {
		t.Errorf("a verified token after logout: %d", status)
	}
	if status, challenge, _ := ask(service, "DELETE", "/reports", "Bearer "+admin); status != http.StatusUnauthorized || !strings.HasPrefix(challenge, invalid) {
		t.Errorf("an introspected token after logout: %d, %q", status, challenge)
	}

	// The service gets a token of a new key.
	operate(t, database, "", "keys", "rotate", "--lead", "12s") // slightly longer than the server's poll interval
	var fresh string
	until(t, func() bool {
		_, fresh = signIn(s, login, "ada")
		return kid(t, fresh) != kid(t, user)
	})
	for name, token := range map[string]string{"new": fresh, "old": user} {
		if status, _, body := ask(service, "GET", "/hello", "Bearer "+token); status != http.StatusOK {
			t.Errorf("the %s key: %d, %s", name, status, body)
		}
	}
}

// startNodeService runs the service on a free port until the test ends. It returns the address.
func startNodeService(t *testing.T, dir string, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "node", "service.js")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), append(env, "PORT=0")...)
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() }) // the test's context has killed it
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(strings.TrimSpace(line), "listening on ")
}

// operate runs an operator's command that reads input or needs the server's secret.
func operate(t *testing.T, database, input string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(input)
	cmd.Env = []string{"USHER_DATABASE_URL=" + database, "USHER_SECRET_KEY=" + secret, "PATH=" + os.Getenv("PATH")}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("usher %s: %v\n%s", args[0], err, out)
	}
}

// until polls a condition for at most a minute.
func until(t *testing.T, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range ticks(ctx, 200*time.Millisecond) {
		if done() {
			return
		}
	}
	t.Fatal("the condition did not hold within a minute")
}

// claim returns a string claim of a token.
func claim(t *testing.T, bearer, name string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(bearer, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	text, _ := claims[name].(string)
	return text
}
