package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"usher/internal/password"
)

const (
	// beforeRounds and beforeRun are the rounds of the comparison with another version.
	beforeRounds = 9
	beforeRun    = 2 * time.Second
	// loginConnections is the number of connections that sign in. Each of them stays below the limit of an address.
	loginConnections = 8
	beforeQuery      = `mutation Login($input: LoginInput!) { login(input: $input) { accessToken refreshToken } }`
)

// measureBefore compares the program with another version of it, which the options name. Both have the rate limits of
// their schemas, and the load comes from as many addresses as these need.
func measureBefore(ctx context.Context, b *bench) error {
	if b.before == "" {
		return nil
	}
	for _, kind := range kinds {
		if err := b.compareVersions(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) compareVersions(ctx context.Context, kind string) (err error) {
	var versions [2]*version
	for i, program := range []string{b.usher, b.before} {
		if versions[i], err = b.version(ctx, kind, program); err != nil {
			return fmt.Errorf("%s: %w", program, err)
		}
		defer stopping(&err, versions[i].process)
	}
	for _, verb := range []string{"me", "login", "refresh"} {
		both := []func(context.Context) (sample, error){versions[0].running(verb), versions[1].running(verb)}
		if _, err := interleave(ctx, 1, both...); err != nil { // warms up
			return err
		}
		samples, err := interleave(ctx, beforeRounds, both...)
		if err != nil {
			return err
		}
		b.results.compare(comparedBefore(verb, kind, "rps"), samples, rps)
		b.results.compare(comparedBefore(verb, kind, "cpu_us"), samples, cpuUs)
	}
	return nil
}

// comparedBefore returns the names of a figure of a verb, of the same figure of the other version, and of their ratio.
func comparedBefore(verb, kind, figure string) against {
	name := verb + "_" + kind + "_" + figure
	return against{"now_" + name, "before_" + name, "now_vs_before_" + name}
}

// version is a running version of the program with clients of its own.
type version struct {
	*process
	clients map[string][]client // by verb
}

// version starts a program with a database that it has migrated itself, and signs in users.
func (b *bench) version(ctx context.Context, kind, program string) (*version, error) {
	at := "sqlite:" + b.file("usher.db")
	if kind == onPostgres {
		var err error
		if at, err = b.postgres.CreateDatabase(ctx, ""); err != nil {
			return nil, err
		}
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	v := &version{}
	env := []string{"USHER_SECRET_KEY=" + secret, "USHER_DATABASE_URL=" + at, "USHER_ACCESS_TOKEN_TTL=1h"}
	if v.process, err = b.serve(ctx, address, env, program, "serve", "--listen", address, "--issuer", "http://"+address); err != nil {
		return nil, err
	}
	if err := v.prepare(ctx, b, at); err != nil {
		return nil, errors.Join(err, v.stop())
	}
	return v, nil
}

func (v *version) prepare(ctx context.Context, b *bench, at string) error {
	p := population{users: loginUsers, at: now()}
	var err error
	if p.hash, err = password.New(password.Options{}).Hash(ctx, typedPassword); err != nil {
		return err
	}
	if err := p.fill(ctx, at); err != nil {
		return err
	}
	access, refresh := make([]string, connections*sessionsEach), make([]string, connections*sessionsEach)
	users, errs := make([]int, len(access)), make([]error, runtime.NumCPU())
	var group sync.WaitGroup
	for worker := range errs {
		group.Go(func() {
			for n := worker; n < len(access) && errs[worker] == nil; n += len(errs) {
				var a loginAnswer
				a, errs[worker] = newVisitor().login(ctx, v.address, beforeQuery, map[string]string{
					"identifier": userName(n), "password": typedPassword,
				})
				users[n], access[n], refresh[n] = n, a.AccessToken, a.RefreshToken
				if errs[worker] == nil && a.code() != "" {
					errs[worker] = errors.New("login: " + a.code())
				}
			}
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	me, err := b.newTarget(p, v.process, "/graphql", users, func(n int) (string, error) { return access[n], nil })
	if err != nil {
		return err
	}
	refreshes, err := newChains(v.address, refresh, connections)
	v.clients = map[string][]client{
		"me": walks(me.all, connections), "login": signIns(v.address, loginConnections), "refresh": refreshes,
	}
	return err
}

// running returns a run of a verb for interleave. Each of its connections has an address that no other run has.
func (v *version) running(verb string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (s sample, err error) {
		before, cpuErr := cpuTime(v.cmd.Process.Pid)
		t, err := load{address: v.address, duration: beforeRun, spread: true}.run(ctx, v.clients[verb])
		if err != nil {
			return s, err
		}
		s = t.sample()
		if after, err := cpuTime(v.cmd.Process.Pid); cpuErr == nil && err == nil {
			s.cpu = time.Duration(float64(after-before) / s.requests)
		}
		return s, nil
	}
}
