//go:build e2e

package usher

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestTransport works with the server at $USHER_URL, whose access tokens have to be short-lived.
func TestTransport(t *testing.T) {
	t.Parallel() // they wait for their tokens to expire
	server := os.Getenv("USHER_URL")
	if server == "" {
		t.Fatal("USHER_URL is not set")
	}
	file := File(filepath.Join(t.TempDir(), "credentials.json"))
	const name, password = "parallel", "four small green turtles"
	signedUp, err := Signup(t.Context(), NewAnonymous(server), name, password, "")
	if err != nil {
		t.Fatal(err)
	}
	first := signedUp.Signup
	if err := file.Save(Credentials{server, first.AccessToken, first.RefreshToken, first.DeviceToken}); err != nil {
		t.Fatal(err)
	}
	await(t, server, first.AccessToken)

	counter := &counter{}
	client := newClient(server, &Transport{File: file, Base: counter})
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if answer, err := Me(t.Context(), client); err != nil || answer.Me.Username != name {
				t.Errorf("me: %v, %v", answer.Me, err)
			}
		})
	}
	wg.Wait()
	if n := counter.refreshes.Load(); n != 1 {
		t.Errorf("%d refreshes for 32 requests", n)
	}

	other, err := NewClient(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Logout(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	for _, want := range []bool{true, false} { // with the file, and without
		_, err := Me(t.Context(), client)
		if answer := new(Error); errors.As(err, &answer) != want || !errors.Is(err, ErrSignedOut) {
			t.Errorf("after the session's end: %v", err)
		}
	}

	elsewhere := Credentials{"https://other.example", "access", "refresh", "device"}
	if err := file.Save(elsewhere); err != nil {
		t.Fatal(err)
	}
	sent := counter.requests.Load()
	if _, err := Me(t.Context(), client); err == nil || counter.requests.Load() != sent {
		t.Errorf("with another server's tokens: %v", err)
	}
}

// TestInvalidToken has requests bear a token that the server does not accept, as one that it made for
// another API. The session is alive, so one refresh helps them all.
func TestInvalidToken(t *testing.T) {
	t.Parallel()
	server := os.Getenv("USHER_URL")
	file := File(filepath.Join(t.TempDir(), "credentials.json"))
	signedUp, err := Signup(t.Context(), NewAnonymous(server), "invalid", "four small green turtles", "")
	if err != nil {
		t.Fatal(err)
	}
	first := signedUp.Signup
	if err := file.Save(Credentials{server, first.AccessToken + "A", first.RefreshToken, first.DeviceToken}); err != nil {
		t.Fatal(err)
	}
	counter := &counter{}
	client := newClient(server, &Transport{File: file, Base: counter})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if answer, err := Me(t.Context(), client); err != nil || answer.Me.Username != "invalid" {
				t.Errorf("me: %v, %v", answer, err)
			}
		})
	}
	wg.Wait()
	if n := counter.refreshes.Load(); n != 1 {
		t.Errorf("%d refreshes", n)
	}
}

// TestRefused has every request of a session find out that its refresh token is not good any more.
func TestRefused(t *testing.T) {
	t.Parallel()
	server := os.Getenv("USHER_URL")
	file := File(filepath.Join(t.TempDir(), "credentials.json"))
	signedUp, err := Signup(t.Context(), NewAnonymous(server), "refused", "four small green turtles", "")
	if err != nil {
		t.Fatal(err)
	}
	first := signedUp.Signup
	if err := file.Save(Credentials{server, first.AccessToken, "urt_unknown", first.DeviceToken}); err != nil {
		t.Fatal(err)
	}
	await(t, server, first.AccessToken)

	counter := &counter{}
	client := newClient(server, &Transport{File: file, Base: counter})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := Me(t.Context(), client); !errors.Is(err, ErrSignedOut) {
				t.Errorf("me: %v", err)
			}
		})
	}
	wg.Wait()
	if n := counter.refreshes.Load(); n != 1 {
		t.Errorf("%d refreshes", n)
	}
	if _, err := file.Load(); !errors.Is(err, ErrSignedOut) {
		t.Errorf("the refused tokens are kept: %v", err)
	}
}

// counter sends requests and counts them.
type counter struct{ requests, refreshes atomic.Int64 }

func (c *counter) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	c.requests.Add(1)
	if bytes.Contains(raw, []byte(`"operationName":"Refresh"`)) {
		c.refreshes.Add(1)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// bearer sends requests with a token, whatever becomes of it.
type bearer string

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+string(b))
	return http.DefaultTransport.RoundTrip(r)
}

// await waits until the server calls a token expired.
func await(t *testing.T, server, accessToken string) {
	t.Helper()
	client := newClient(server, bearer(accessToken))
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		_, err := Me(t.Context(), client)
		if answer := new(Error); errors.As(err, &answer) && answer.Reason == TokenExpired {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		<-ticker.C
	}
}
