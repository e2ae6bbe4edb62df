//go:build ha

package ha

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// front is how Usher finds the primary.
type front string

const (
	byHosts     front = "host list"
	byHAProxy   front = "HAProxy"
	byPgBouncer front = "PgBouncer"
)

// url returns the URL for a front from the example of Usher's settings.
func (f front) url(t *testing.T) string {
	t.Helper()
	position := map[front]int{byHosts: 0, byHAProxy: 1, byPgBouncer: 2}[f]
	var urls []string
	for line := range strings.Lines(file(t, "usher.env", "", "")) {
		if _, url, ok := strings.Cut(strings.TrimSpace(line), "USHER_DATABASE_URL="); ok {
			urls = append(urls, url)
		}
	}
	return urls[position]
}

// replica is a running Usher.
type replica struct {
	name   string
	client *http.Client
}

// startUsher starts Usher with its way to the primary on a machine, and waits until it is ready.
func (c *cluster) startUsher(t *testing.T, name, program string, by front) *replica {
	t.Helper()
	m := c.machines[name]
	config := func(path string) string {
		absolute, err := filepath.Abs(filepath.Join(examples, path))
		if err != nil {
			t.Fatal(err)
		}
		return absolute
	}
	if by != byHosts {
		c.start(t, name, "haproxy", "", nil, nil, "haproxy", "-db", "-f", config("haproxy.cfg"))
	}
	if by == byPgBouncer {
		etc := filepath.Join(m.folder, "etc")
		if err := os.MkdirAll(etc, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"pgbouncer.ini", "userlist.txt"} {
			if err := os.WriteFile(filepath.Join(etc, name), []byte(file(t, name, "", "")), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		c.start(t, name, "pgbouncer", "postgres", []bind{{"etc", "/etc/pgbouncer"}}, nil, "pgbouncer", "/etc/pgbouncer/pgbouncer.ini")
	}
	env := []string{
		"USHER_DATABASE_URL=" + by.url(t),
		"USHER_SECRET_KEY=7e2c3f0b9d1a48c6b5e4f3a2918d7c6b5e4f",
		"USHER_RATE_LIMITS=*=off", // all clients have one address
		"USHER_ISSUER=http://127.0.0.1:8080",
		"USHER_SHUTDOWN_DELAY=0s",
		"USHER_WAIT_FOR_DATABASE=30s",
		"USHER_HASH_PARALLELISM=1",
		"USHER_HASH_QUEUE=256",
		"USHER_SESSIONS_PER_USER=1000",
	}
	if by == byPgBouncer {
		migrate := m.command(t.Context(), "", nil, append(env, "USHER_DATABASE_URL="+byHAProxy.url(t)), filepath.Join(programs, "usher"), "migrate")
		if out, err := migrate.CombinedOutput(); err != nil {
			t.Fatalf("usher migrate: %v\n%s", err, out)
		}
		env = append(env, "USHER_NO_MIGRATE=true")
	}
	for _, variable := range environment(file(t, "usher.env", "", "")) {
		leases := strings.HasPrefix(variable, "USHER_DATABASE_LEASE=")
		if !strings.HasPrefix(variable, "USHER_DATABASE_URL=") && (!leases || by != byPgBouncer) {
			env = append(env, variable)
		}
	}
	c.start(t, name, "usher", "", nil, env, filepath.Join(programs, program), "serve")
	r := &replica{name: name, client: &http.Client{
		Transport: &http.Transport{DialContext: m.dial, MaxIdleConnsPerHost: 200},
		Timeout:   5 * time.Second,
	}}
	t.Cleanup(r.client.CloseIdleConnections)
	r.awaitReady(t, 60*time.Second)
	return r
}

func (r *replica) awaitReady(t *testing.T, limit time.Duration) {
	t.Helper()
	await(t, limit, r.name+" that is ready", func(ctx context.Context) error {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://127.0.0.1:8080/readyz", nil)
		if err != nil {
			return err
		}
		response, err := r.client.Do(request)
		if err != nil {
			return err
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("/readyz: %s", response.Status)
		}
		return nil
	})
}

// answerError is an error response of the server, as opposed to no response.
type answerError struct {
	Extensions struct{ Code, Reason string }
}

func (e answerError) Error() string { return e.Extensions.Code + " " + e.Extensions.Reason }

// call sends an operation and decodes its data. It sends a bearer token unless bearer is empty.
func (r *replica) call(ctx context.Context, bearer, query string, input, data any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"input": input}})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1:8080/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		request.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := r.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []answerError
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return err
	}
	if len(answer.Errors) > 0 {
		return answer.Errors[0]
	}
	return json.Unmarshal(answer.Data, data)
}
