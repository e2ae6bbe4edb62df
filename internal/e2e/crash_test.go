//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"syscall"
	"testing"
	"time"

	"usher/internal/storetest"
)

// graphql sends an operation and decodes its data. It sends a bearer token unless bearer is empty.
func graphql(url, bearer, query string, variables, data any) error {
	return graphqlWith(client, url, bearer, query, variables, data)
}

// graphqlWith is graphql with a client, such as one that keeps cookies.
func graphqlWith(client *http.Client, url, bearer, query string, variables, data any) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	r, err := http.NewRequest(http.MethodPost, url+"/graphql", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := client.Do(r)
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

// client keeps connections open for tests with many requests.
var client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}

// answerError is an error response of the server, as opposed to no response.
type answerError struct {
	Extensions struct{ Code, Reason string }
}

func (e answerError) Error() string { return e.Extensions.Code + " " + e.Extensions.Reason }

// TestCrash kills the server while clients refresh. A client that got no response sends its token again. This
// must not end its session.
func TestCrash(t *testing.T) {
	const rounds, clients = 15, 8
	for name, url := range storetest.URLs {
		t.Run(name, func(t *testing.T) {
			database := url(t)
			tokens := make([]string, clients)
			s := start(t, database)
			for i := range tokens {
				var data struct{ Signup struct{ RefreshToken string } }
				err := graphql(s.url, "", `mutation ($n: Username!) { signup(input: {username: $n, password: "four small green turtles"}) { refreshToken } }`,
					map[string]any{"n": "user" + string(rune('a'+i))}, &data)
				if err != nil {
					t.Fatal(err)
				}
				tokens[i] = data.Signup.RefreshToken
			}
			var mu sync.Mutex
			refreshes, lost := 0, 0
			for range rounds {
				var wg sync.WaitGroup
				for i := range tokens {
					wg.Go(func() {
						for {
							var data struct{ Refresh struct{ RefreshToken string } }
							err := graphql(s.url, "", `mutation ($t: String!) { refresh(input: {refreshToken: $t}) { refreshToken } }`,
								map[string]any{"t": tokens[i]}, &data)
							mu.Lock()
							if err != nil {
								lost++
								if errors.As(err, new(answerError)) {
									t.Errorf("a client was rejected: %v", err)
								}
								mu.Unlock()
								return
							}
							refreshes++
							tokens[i] = data.Refresh.RefreshToken
							mu.Unlock()
						}
					})
				}
				time.Sleep(time.Duration(20+rand.IntN(60)) * time.Millisecond) //nolint:forbidigo // The kill must happen at a random time.
				if err := s.cmd.Process.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				wg.Wait()
				s = start(t, database)
			}
			t.Logf("%d rounds of kill -9: %d refreshes, %d answers lost, no session ended", rounds, refreshes, lost)
			if refreshes == 0 || lost == 0 {
				t.Error("no token was refreshed or no answer was lost, so the test checked nothing")
			}
		})
	}
}
