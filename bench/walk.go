package main

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
)

// prepared is a request and the only correct answer.
type prepared struct {
	request, answer []byte
}

// post returns the bytes of a POST request.
func post(address, path, bearer string, body []byte) []byte {
	var r bytes.Buffer
	fmt.Fprintf(&r, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n", path, address)
	if bearer != "" {
		fmt.Fprintf(&r, "Authorization: Bearer %s\r\n", bearer)
	}
	fmt.Fprintf(&r, "Content-Length: %d\r\n\r\n%s", len(body), body)
	return r.Bytes()
}

// walk is a client that sends prepared requests in a cycle.
type walk struct {
	all     []prepared
	current int
	step    int
}

// walks returns n clients that divide prepared requests among them. Client c sends the requests c, c+n, c+2n, ….
func walks(all []prepared, n int) []client {
	clients := make([]client, n)
	for c := range clients {
		clients[c] = &walk{all: all, current: (c - n + len(all)) % len(all), step: n}
	}
	return clients
}

func (w *walk) request() []byte {
	w.current = (w.current + w.step) % len(w.all)
	return w.all[w.current].request
}

func (w *walk) answer(status int, body []byte) (verdict, error) {
	if status != http.StatusOK || !bytes.Equal(body, w.all[w.current].answer) {
		return served, errWrong(status, body)
	}
	return served, nil
}

var tokens = regexp.MustCompile(`urt_[\w-]+|eyJ[\w.-]+`)

// redactTokens returns text with its tokens replaced.
func redactTokens(text []byte) []byte { return tokens.ReplaceAll(text, []byte("[redacted]")) }
