package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"usher/internal/keyring"
	"usher/internal/password"
	"usher/internal/token"
)

const (
	// meUsers is the number of users that send `me`, each with its own session.
	meUsers = 2000
	// connections is the number of connections for figures with concurrent requests.
	connections = 32
)

// meBody is the query in the README.
const meBody = `{"query":"query Me { me { id username email roles createdAt } }"}`

// target is a server and prepared requests, one for each user.
type target struct {
	*process
	bench            *bench
	all              []prepared
	script, requests string // for wrk
}

// run sends requests to the target and records its processor time.
func (t *target) run(ctx context.Context, connections int, d time.Duration) (s sample, err error) {
	before, cpuErr := cpuTime(t.cmd.Process.Pid)
	if t.bench.generator == "wrk" && d%time.Second == 0 {
		s, err = runWrk(ctx, t.address, t.script, t.requests, connections, d)
	} else {
		var counted tally
		counted, err = load{address: t.address, duration: d}.run(ctx, walks(t.all, connections))
		s = counted.sample()
	}
	if err != nil {
		return s, fmt.Errorf("%s: %w", t.name, err)
	}
	if after, err := cpuTime(t.cmd.Process.Pid); cpuErr == nil && err == nil {
		s.cpu = time.Duration(float64(after-before) / s.requests)
	}
	return s, nil
}

// measured returns run as a function for interleave.
func (t *target) measured(connections int, d time.Duration) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) { return t.run(ctx, connections, d) }
}

// newTarget prepares requests of users to a server.
func (b *bench) newTarget(p population, server *process, path string, users []int, bearer func(user int) (string, error)) (*target, error) {
	t := &target{process: server, bench: b}
	for _, n := range users {
		access, err := bearer(n)
		if err != nil {
			return nil, err
		}
		var answer meAnswer
		answer.Data.Me = p.profile(n)
		text, err := json.Marshal(answer)
		if err != nil {
			return nil, err
		}
		t.all = append(t.all, prepared{post(server.address, path, access, []byte(meBody)), text})
	}
	var err error
	if b.generator == "wrk" {
		t.script, t.requests, err = b.wrkFiles(t.all)
	}
	return t, err
}

// usherTarget prepares requests of someUsers to the program.
func (b *bench) usherTarget(ctx context.Context, p population, server *process, database string, algorithm token.Algorithm) (*target, error) {
	i, err := openIssuer(ctx, server.address, database, algorithm)
	if err != nil {
		return nil, err
	}
	t, err := b.newTarget(p, server, "/graphql", p.someUsers(), func(n int) (string, error) {
		return i.accessToken(userID(n), p.sessionOf(n))
	})
	return t, errors.Join(err, i.Close()) //nolint:contextcheck // The last export of traces outlives the context.
}

// limitTarget prepares requests of someUsers to a path of the limit handlers.
func (b *bench) limitTarget(p population, server *process, path string) (*target, error) {
	return b.newTarget(p, server, path, p.someUsers(), func(n int) (string, error) {
		return limitToken(userID(n).String(), p.sessionOf(n).String())
	})
}

// someUsers returns the users that send `me`.
func (p population) someUsers() []int {
	users := make([]int, min(p.users, meUsers))
	for i := range users {
		users[i] = p.some(i)
	}
	return users
}

// usherOn starts the program with a filled database and prepares requests.
func (b *bench) usherOn(ctx context.Context, p population, database string, algorithm token.Algorithm) (*target, error) {
	server, err := b.usherServer(ctx, database, "--algorithm", string(algorithm))
	if err != nil {
		return nil, err
	}
	t, err := b.usherTarget(ctx, p, server, database, algorithm)
	if err != nil {
		return nil, errors.Join(err, server.stop())
	}
	return t, nil
}

// filled creates a database with users and sessions. The hasher hashes their passwords.
func (b *bench) filled(ctx context.Context, kind string, users, sessions int, hasher *password.Hasher) (population, string, error) {
	p := population{users: users, sessions: sessions, at: now()}
	at, err := b.database(ctx, kind)
	if err == nil {
		p.hash, err = hasher.Hash(ctx, typedPassword)
	}
	if err == nil {
		err = p.fill(ctx, at)
	}
	return p, at, err
}

// measureMe compares `me` on both databases with servers that a team would write with gqlgen alone, and with the
// minimum work.
func measureMe(ctx context.Context, b *bench) error {
	for _, kind := range kinds {
		if err := b.compareMe(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) compareMe(ctx context.Context, kind string) (err error) {
	p, at, err := b.filled(ctx, kind, meUsers, 1, cheap)
	if err != nil {
		return err
	}
	usher, err := b.usherOn(ctx, p, at, keyring.DefaultAlgorithm)
	if err != nil {
		return err
	}
	defer stopping(&err, usher.process)
	others, err := b.limitServer(ctx, at)
	if err != nil {
		return err
	}
	defer stopping(&err, others)
	targets := []*target{usher}
	for _, path := range []string{pathTuned, pathBare, pathMe} {
		t, err := b.limitTarget(p, others, path)
		if err != nil {
			return err
		}
		targets = append(targets, t)
	}
	measured := func(connections int, d time.Duration) (runs []func(context.Context) (sample, error)) {
		for _, t := range targets {
			runs = append(runs, t.measured(connections, d))
		}
		return runs
	}
	if _, err := interleave(ctx, 1, measured(connections, b.warmUp)...); err != nil {
		return err
	}
	many, err := interleave(ctx, b.rounds, measured(connections, b.me)...)
	if err != nil {
		return err
	}
	one, err := interleave(ctx, b.rounds, measured(1, b.single)...)
	if err != nil {
		return err
	}
	for i, other := range []string{"tuned", "gqlgen", "limit"} {
		compare := func(name string, samples [][]sample, figure func(sample) float64) {
			b.results.compare(comparedMe(kind, name, other), [][]sample{samples[0], samples[i+1]}, figure)
		}
		compare("c32_rps", many, rps)
		compare("c32_p99_ms", many, p99ms)
		compare("c1_us", one, p50us)
		if many[0][0].cpu > 0 {
			compare("c32_cpu_us", many, cpuUs)
		}
	}
	return nil
}
