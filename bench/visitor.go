package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"usher/internal/auth"
)

var addresses atomic.Uint32

// nextAddress returns an address of the loopback network that no other client has. Each is in a /24 of its own, because the
// rate limits also count those. Linux lets a program use all addresses in 127.0.0.0/8.
func nextAddress() *net.TCPAddr {
	n := int(addresses.Add(1))
	return &net.TCPAddr{IP: net.IPv4(127, byte(1+n/256%255), byte(n%256), 1)} //nolint:gosec // at most 255
}

// visitor signs in from an address of its own.
type visitor struct{ http.Client }

func newVisitor() *visitor {
	dialer := net.Dialer{LocalAddr: nextAddress()}
	return &visitor{http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}}
}

// loginAnswer is an answer to `login`.
type loginAnswer struct {
	AccessToken, RefreshToken, DeviceToken string

	errors []loginError
}

type loginError struct {
	Extensions struct {
		Code      string
		Challenge *auth.Challenge
	}
}

// code returns the code of the error, or "" if the login succeeded.
func (a loginAnswer) code() string {
	if len(a.errors) == 0 {
		return ""
	}
	return a.errors[0].Extensions.Code
}

// challenge returns the challenge of an answer; nil without one.
func (a loginAnswer) challenge() *auth.Challenge {
	if len(a.errors) == 0 {
		return nil
	}
	return a.errors[0].Extensions.Challenge
}

// login sends a mutation `login` with an input.
func (v *visitor) login(ctx context.Context, address, query string, input map[string]string) (a loginAnswer, err error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"input": input}})
	if err != nil {
		return a, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/graphql", bytes.NewReader(body))
	if err != nil {
		return a, err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := v.Do(r)
	if err != nil {
		return a, err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return a, err
	}
	var answer struct {
		Data   struct{ Login *loginAnswer }
		Errors []loginError
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return a, fmt.Errorf("login: %w", errWrong(response.StatusCode, text))
	}
	if answer.Data.Login != nil {
		a = *answer.Data.Login
	}
	a.errors = answer.Errors
	if a.AccessToken == "" && a.code() == "" {
		return a, errors.New("login: neither tokens nor a code")
	}
	return a, nil
}
