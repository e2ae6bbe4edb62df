package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"time"

	"usher/internal/password"
)

// loginUsers is the number of users that sign in. It exceeds the number of connections.
const loginUsers = 2000

const loginQuery = `mutation Login($input: LoginInput!) { login(input: $input) { accessToken } }`

var (
	loginStart = []byte(`{"data":{"login":{"accessToken":"eyJ`)
	loginEnd   = []byte(`"}}}`)
	busy       = []byte(`"code":"SERVICE_UNAVAILABLE"`)
)

// signIn is a client that signs in users with the correct password.
type signIn struct {
	address       string
	current, step int
}

// signIns returns clients that divide the users among them as walks does.
func signIns(address string, n int) []client {
	clients := make([]client, n)
	for c := range clients {
		clients[c] = &signIn{address: address, current: c, step: n}
	}
	return clients
}

func (s *signIn) request() []byte {
	body, err := json.Marshal(map[string]any{"query": loginQuery, "variables": map[string]any{
		"input": map[string]string{"identifier": userName(s.current), "password": typedPassword},
	}})
	if err != nil {
		panic(err) // cannot happen: all values can be encoded
	}
	s.current = (s.current + s.step) % loginUsers
	return post(s.address, "/graphql", "", body)
}

func (*signIn) answer(status int, body []byte) (verdict, error) {
	switch {
	case status == http.StatusOK && bytes.HasPrefix(body, loginStart) && bytes.HasSuffix(body, loginEnd):
		return served, nil
	case bytes.Contains(body, busy):
		return refused, nil
	}
	return served, errWrong(status, body)
}

// measureLogin compares logins with bare hashing. It also measures the memory and the latency of rejections in a
// flood of logins.
func measureLogin(ctx context.Context, b *bench) (err error) {
	_, at, err := b.filled(ctx, onPostgres, loginUsers, 0, password.New(password.Options{}))
	if err != nil {
		return err
	}
	if err := b.compareLogin(ctx, at); err != nil {
		return err
	}
	if _, err := b.loginPeak(ctx, at, connections); err != nil {
		return err
	}
	flood, err := b.loginPeak(ctx, at, 500)
	if err != nil {
		return err
	}
	if len(flood.refused) == 0 {
		return errors.New("no login of 500 connections was refused")
	}
	for name, p := range map[string]int{"p50": 50, "p99": 99, "max": 100} {
		b.results.set("login_busy_"+name+"_ms", percentile(flood.refused, p).Seconds()*1e3)
	}
	return nil
}

// compareLogin compares logins with bare hashing.
func (b *bench) compareLogin(ctx context.Context, database string) (err error) {
	server, err := b.usherServer(ctx, database)
	if err != nil {
		return err
	}
	defer stopping(&err, server)
	clients := signIns(server.address, 2*runtime.NumCPU())
	samples, err := interleave(ctx, b.rounds,
		func(ctx context.Context) (sample, error) {
			t, err := load{address: server.address, duration: b.login}.run(ctx, clients)
			return t.sample(), err
		},
		b.hashing)
	if err != nil {
		return err
	}
	b.results.compare(against{"logins_per_s", "hashes_per_s", "login_vs_hash"}, samples, rps)
	return nil
}

// loginPeak signs in users at a new server and records its peak memory.
func (b *bench) loginPeak(ctx context.Context, database string, connections int) (t tally, err error) {
	server, err := b.usherServer(ctx, database)
	if err != nil {
		return t, err
	}
	defer stopping(&err, server)
	t, err = load{address: server.address, duration: b.peak, pause: time.Second / 2}.run(ctx, signIns(server.address, connections))
	if err != nil {
		return t, err
	}
	if mb, err := memory(server.cmd.Process.Pid, peakResidentMemory); err == nil {
		b.results.set(fmt.Sprintf("login_c%d_rss_mb", connections), mb)
	}
	return t, nil
}
