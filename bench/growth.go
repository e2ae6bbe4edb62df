package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"usher/internal/auth/sessions"
	"usher/internal/keyring"
)

const (
	growthSessions   = 3   // sessions of each user
	growthRefreshers = 256 // sessions to refresh
)

// growthVerbs are the operations to measure with growing numbers of users.
var growthVerbs = []string{"me", "refresh", "login"}

// measureGrowth measures the latency of sequential requests as the database grows. The requests use users and
// sessions from all parts of the database.
func measureGrowth(ctx context.Context, b *bench) error {
	for _, kind := range kinds {
		if err := b.growOn(ctx, kind); err != nil {
			return err
		}
	}
	return nil
}

// grown is a running program with a database of some size.
type grown struct {
	*target
	population
	refreshers []client
	issuer     *issuer
	signedIn   int
}

func (b *bench) grow(ctx context.Context, kind string, users int) (g *grown, err error) {
	p, at, err := b.filled(ctx, kind, users, growthSessions, cheap)
	if err != nil {
		return nil, err
	}
	g = &grown{population: p}
	if g.target, err = b.usherOn(ctx, p, at, keyring.DefaultAlgorithm); err != nil {
		return nil, err
	}
	if g.refreshers, err = refreshers(ctx, p, g.process, at, 1, growthRefreshers); err == nil {
		g.issuer, err = openIssuer(ctx, g.address, at, keyring.DefaultAlgorithm)
	}
	if err != nil {
		return nil, errors.Join(err, g.close()) //nolint:contextcheck // The last export of traces outlives the context.
	}
	return g, nil
}

func (g *grown) close() error {
	err := g.stop()
	if g.issuer != nil {
		err = errors.Join(err, g.issuer.Close())
	}
	return err
}

func (b *bench) growOn(ctx context.Context, kind string) (err error) {
	runs := map[string][]func(context.Context) (sample, error){}
	for _, users := range b.sizes {
		begin := now()
		g, growErr := b.grow(ctx, kind, users)
		if growErr != nil {
			return growErr
		}
		defer func() { err = errors.Join(err, g.close()) }() //nolint:contextcheck // The last export of traces outlives the context.
		b.say("  %d users on %s in %.0f s", users, kind, now().Sub(begin).Seconds())
		runs["me"] = append(runs["me"], g.measured(1, b.growth))
		runs["refresh"] = append(runs["refresh"], func(ctx context.Context) (sample, error) {
			t, err := load{address: g.address, duration: b.growth}.run(ctx, g.refreshers)
			return t.sample(), err
		})
		runs["login"] = append(runs["login"], func(ctx context.Context) (sample, error) { return g.login(ctx, b) })
	}
	for _, verb := range growthVerbs {
		if _, err := interleave(ctx, 1, runs[verb]...); err != nil { // warms up
			return err
		}
		samples, err := interleave(ctx, b.rounds, runs[verb]...)
		if err != nil {
			return err
		}
		for i, users := range b.sizes {
			b.results.set(growthName(verb, kind, users), medianOf(samples[i], p50us))
		}
		name := strings.Join([]string{"growth", verb, kind}, "_")
		b.results.set(name, ratioOf(samples[len(samples)-1], samples[0], p50us))
		b.results.set("noise_"+growthName(verb, kind, b.sizes[0]), noiseOf(samples[0], p50us))
	}
	return nil
}

// growthName returns the name of an operation's latency with a number of users, in microseconds.
func growthName(verb, kind string, users int) string {
	return fmt.Sprintf("growth_%s_%s_%d_us", verb, kind, users)
}

// login signs users in without the server, with a hash that takes almost no time. So it measures the database.
func (g *grown) login(ctx context.Context, b *bench) (sample, error) {
	var t tally
	for begin := now(); now().Sub(begin) < b.growth; {
		start := now()
		_, err := g.issuer.Domain.Sessions.Login(ctx, sessions.LoginInput{Identifier: userName(g.some(g.signedIn)), Password: typedPassword})
		if err != nil {
			return sample{}, err
		}
		t.served = append(t.served, now().Sub(start))
		t.elapsed = now().Sub(begin)
		g.signedIn++
	}
	return t.sorted().sample(), nil
}
