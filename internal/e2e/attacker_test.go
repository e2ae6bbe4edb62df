//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	passwords "usher/internal/password"
	"usher/internal/store"
)

// crowd is a number of clients, each at an address of its own. Linux lets a program use every address in 127.0.0.0/8.
type crowd []*http.Client

// newCrowd returns n clients, perNetwork of them in each /24.
func newCrowd(t *testing.T, n, perNetwork int) crowd {
	t.Helper()
	all := make(crowd, n)
	for i := range all {
		network, host := i/perNetwork, i%perNetwork
		address := netip.AddrFrom4([4]byte{127, byte(1 + network/256), byte(network), byte(1 + host)})
		transport := &http.Transport{
			DialContext:         (&net.Dialer{LocalAddr: &net.TCPAddr{IP: address.AsSlice()}}).DialContext,
			MaxIdleConnsPerHost: 4,
		}
		t.Cleanup(transport.CloseIdleConnections)
		all[i] = &http.Client{Transport: transport, Timeout: time.Minute}
	}
	return all
}

// signIn is an answer to an attempt to sign in.
type signIn struct {
	code        string // of the error; empty for a success, "OK" is never used
	challenge   *auth.Challenge
	deviceToken string
	header      http.Header
}

// attempt is a sign-in with GraphQL.
type attempt struct {
	identifier, password  string
	deviceToken, solution string
}

// login sends an attempt. The error says that no answer came.
func login(client *http.Client, server string, a attempt, header http.Header) (signIn, error) {
	input := map[string]any{"identifier": a.identifier, "password": a.password}
	if a.deviceToken != "" {
		input["deviceToken"] = a.deviceToken
	}
	if a.solution != "" {
		input["challengeSolution"] = a.solution
	}
	return ask(client, server, `mutation ($input: LoginInput!) { login(input: $input) { deviceToken } }`, map[string]any{"input": input}, header)
}

// ask sends a mutation.
func ask(client *http.Client, server, query string, variables map[string]any, header http.Header) (signIn, error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		return signIn{}, err
	}
	r, err := http.NewRequest(http.MethodPost, server+"/graphql", bytes.NewReader(body))
	if err != nil {
		return signIn{}, err
	}
	maps.Copy(r.Header, header)
	r.Header.Set("Content-Type", "application/json")
	response, err := client.Do(r)
	if err != nil {
		return signIn{}, err
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return signIn{}, err
	}
	var answer struct {
		Data struct {
			Login struct{ DeviceToken string }
		}
		Errors []struct {
			Extensions struct {
				Code      string
				Challenge *auth.Challenge
			}
		}
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return signIn{}, fmt.Errorf("%d %s: %w", response.StatusCode, raw, err)
	}
	s := signIn{deviceToken: answer.Data.Login.DeviceToken, header: response.Header}
	if len(answer.Errors) > 0 {
		s.code, s.challenge = answer.Errors[0].Extensions.Code, answer.Errors[0].Extensions.Challenge
	}
	return s, nil
}

// loginOAuth is a sign-in with the grant type password.
func loginOAuth(client *http.Client, server, username, pass string) (code string, err error) {
	response, err := client.PostForm(server+"/oauth/token", url.Values{"grant_type": {"password"}, "username": {username}, "password": {pass}})
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var answer struct{ Error string }
	err = json.NewDecoder(response.Body).Decode(&answer)
	return answer.Error, err
}

// solve solves a challenge by trying all numbers, and says how many it has tried.
func solve(c *auth.Challenge) (solution string, tries int64, err error) {
	for n := int64(0); n <= c.MaxNumber; n++ {
		sum := sha256.Sum256(append([]byte(c.Salt), strconv.FormatInt(n, 10)...))
		if hex.EncodeToString(sum[:]) == c.Challenge {
			payload, err := json.Marshal(map[string]any{
				"algorithm": c.Algorithm, "challenge": c.Challenge, "number": n, "salt": c.Salt, "signature": c.Signature,
			})
			return base64.StdEncoding.EncodeToString(payload), n + 1, err
		}
	}
	return "", c.MaxNumber, errors.New("the challenge has no solution")
}

// tally counts answers by code.
type tally struct {
	mu    sync.Mutex
	codes map[string]int
}

func (c *tally) add(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.codes == nil {
		c.codes = map[string]int{}
	}
	c.codes[code]++
}

// through is how many of the answers say that a password was checked.
func (c *tally) through() int {
	return c.codes[""] + c.codes["INVALID_CREDENTIALS"] + c.codes["invalid_grant"]
}

// inParallel calls f with the numbers below n, from some goroutines.
func inParallel(t *testing.T, workers, n int, f func(i int) error) {
	t.Helper()
	var wg sync.WaitGroup
	next := make(chan int)
	for range workers {
		wg.Go(func() {
			for i := range next {
				if err := f(i); err != nil {
					t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

const accountPassword = "four small green turtles"

// populate creates n accounts with the user names user0 and so on, their addresses and one password.
func populate(t *testing.T, database string, n int) {
	t.Helper()
	s, err := store.Open(t.Context(), database, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	hash, err := passwords.New(passwords.Options{}).Hash(t.Context(), accountPassword)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	err = s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		for i := range n {
			username := fmt.Sprint("user", i)
			email := username + "@example.com"
			a := &auth.Account{
				User: auth.User{
					ID: uuid.New(), Username: &username, Email: &email, Roles: []auth.Role{auth.RoleUser}, CreatedAt: now, UpdatedAt: now,
				},
				UsernameKey: &username, EmailKey: &email,
			}
			err := tx.CreateAccount(ctx, a, &auth.Credential{
				ID: uuid.New(), UserID: a.ID, Kind: auth.CredentialPassword, Secret: hash, CreatedAt: now, UpdatedAt: now,
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
