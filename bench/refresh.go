package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"usher/internal/keyring"
)

// sessionsEach is the number of sessions that a connection refreshes in turn.
const sessionsEach = 8

const refreshQuery = `mutation Refresh($input: RefreshInput!) { refresh(input: $input) { refreshToken accessToken } }`

var (
	refreshStart  = []byte(`{"data":{"refresh":{"refreshToken":"`)
	refreshMiddle = []byte(`","accessToken":"eyJ`)
	refreshEnd    = []byte(`"}}}`)
)

// chains is a client that refreshes sessions in turn. It puts the refresh token of each answer into the session's
// next request. All tokens have the same length, so it replaces them in place.
type chains struct {
	all     [][]byte // requests
	tokens  [][]byte // the tokens within the requests
	current int
}

// newChains returns clients that divide refresh tokens among them.
func newChains(address string, tokens []string, n int) ([]client, error) {
	clients := make([]client, n)
	for c := range clients {
		chains := new(chains)
		for i := c; i < len(tokens); i += n {
			body, err := json.Marshal(map[string]any{
				"query": refreshQuery, "variables": map[string]any{"input": map[string]string{"refreshToken": tokens[i]}},
			})
			if err != nil {
				return nil, err
			}
			r := post(address, "/graphql", "", body)
			at := bytes.Index(r, []byte(tokens[i]))
			chains.all, chains.tokens = append(chains.all, r), append(chains.tokens, r[at:at+len(tokens[i])])
		}
		clients[c] = chains
	}
	return clients, nil
}

func (c *chains) request() []byte {
	c.current = (c.current + 1) % len(c.all)
	return c.all[c.current]
}

func (c *chains) answer(status int, body []byte) (verdict, error) {
	old := c.tokens[c.current]
	rest, ok := bytes.CutPrefix(body, refreshStart)
	if status != http.StatusOK || !ok || len(rest) < len(old) || bytes.Equal(rest[:len(old)], old) ||
		!bytes.HasPrefix(rest[len(old):], refreshMiddle) || !bytes.HasSuffix(rest, refreshEnd) {
		return served, errWrong(status, body)
	}
	copy(old, rest)
	return served, nil
}

// rotations is the equivalent of chains for the limit handler.
type rotations struct {
	all         [][]byte
	generations []int
	current     int
	digits      []byte
}

var (
	rotationStart = []byte(`{"accessToken":"eyJ`)
	rotationEnd   = []byte(`"}`)
)

// generationDigits is the length of the generation in a request, which is padded with spaces. Only the final
// brace follows it.
const generationDigits = 10

func newRotations(address string, p population, n int) []client {
	clients := make([]client, n)
	for c := range clients {
		r := &rotations{generations: make([]int, sessionsEach)}
		for i := range sessionsEach {
			body := fmt.Appendf(nil, `{"session":%q,"generation":%*d}`, p.sessionID(c+i*n), generationDigits, 0)
			r.all = append(r.all, post(address, "/refresh", "", body))
		}
		clients[c] = r
	}
	return clients
}

func (r *rotations) request() []byte {
	r.current = (r.current + 1) % len(r.all)
	return r.all[r.current]
}

func (r *rotations) answer(status int, body []byte) (verdict, error) {
	if status != http.StatusOK || !bytes.HasPrefix(body, rotationStart) || !bytes.HasSuffix(body, rotationEnd) {
		return served, errWrong(status, body)
	}
	r.generations[r.current]++
	request := r.all[r.current]
	r.digits = fmt.Appendf(r.digits[:0], "%*d", generationDigits, r.generations[r.current])
	copy(request[len(request)-1-generationDigits:], r.digits)
	return served, nil
}

// measureRefresh compares `refresh` with its limit on both databases.
func measureRefresh(ctx context.Context, b *bench) error {
	for _, kind := range kinds {
		if err := b.compareRefresh(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) compareRefresh(ctx context.Context, kind string) (err error) {
	server, clients, err := b.refreshServer(ctx, kind)
	if err != nil {
		return err
	}
	defer stopping(&err, server)
	twin, other, err := b.filled(ctx, kind, meUsers, 1, cheap)
	if err != nil {
		return err
	}
	bare, err := b.limitServer(ctx, other)
	if err != nil {
		return err
	}
	defer stopping(&err, bare)
	refresh := func(address string, clients []client) func(context.Context) (sample, error) {
		return func(ctx context.Context) (sample, error) {
			t, err := load{address: address, duration: b.refresh}.run(ctx, clients)
			return t.sample(), err
		}
	}
	usher, limit := refresh(server.address, clients), refresh(bare.address, newRotations(bare.address, twin, connections))
	if _, err := interleave(ctx, 1, usher, limit); err != nil { // warms up
		return err
	}
	samples, err := interleave(ctx, b.rounds, usher, limit)
	if err != nil {
		return err
	}
	name := "refresh_" + kind + "_c32_"
	b.results.compare(against{name + "rps", "limit_" + name + "rps", name + "vs_limit"}, samples, rps)
	b.results.compare(against{name + "p99_ms", "limit_" + name + "p99_ms", name + "p99_vs_limit"}, samples, p99ms)
	return nil
}

// refreshServer starts the program with a filled database, and returns clients that refresh its sessions.
func (b *bench) refreshServer(ctx context.Context, kind string) (*process, []client, error) {
	p, at, err := b.filled(ctx, kind, meUsers, 1, cheap)
	if err != nil {
		return nil, nil, err
	}
	server, err := b.usherServer(ctx, at)
	if err != nil {
		return nil, nil, err
	}
	clients, err := refreshers(ctx, p, server, at, connections, connections*sessionsEach)
	if err != nil {
		return nil, nil, errors.Join(err, server.stop())
	}
	return server, clients, nil
}

// refreshers signs in users and returns clients that refresh their sessions.
func refreshers(ctx context.Context, p population, server *process, database string, connections, sessions int) ([]client, error) {
	i, err := openIssuer(ctx, server.address, database, keyring.DefaultAlgorithm)
	if err != nil {
		return nil, err
	}
	tokens, err := i.refreshTokens(ctx, p, sessions)
	if err := errors.Join(err, i.Close()); err != nil { //nolint:contextcheck // The last export of traces outlives the context.
		return nil, err
	}
	return newChains(server.address, tokens, connections)
}
