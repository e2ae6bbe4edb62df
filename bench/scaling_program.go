package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"usher/bench/scaling"
	"usher/internal/password"
)

// durable are the settings of PostgreSQL for figures about disk and WAL. The extensions belong to PostgreSQL.
var durable = []string{
	"fsync=on", "synchronous_commit=on", "full_page_writes=on", "wal_level=replica", "shared_buffers=2GB", "max_wal_size=16GB",
	"checkpoint_timeout=1h", "autovacuum=off", "shared_preload_libraries=pg_stat_statements",
}

// scalingSessions is the number of sessions of each user.
const scalingSessions = 2

// counts are the numbers of requests in a round.
type counts [len(scaling.Kinds)]int

// scalingProgram measures what docs/scaling.md computes with, and prints the tables of that page.
func scalingProgram(ctx context.Context, args []string) error {
	o := options{short: true, generator: "own", database: durable}
	flags := flag.NewFlagSet("scaling", flag.ContinueOnError)
	flags.StringVar(&o.usher, "usher", "../bin/usher", "the `program` to measure")
	short := flags.Bool("short", false, "only with 100,000 users")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return nil
	} else if err != nil {
		return err
	}
	sizes := []int{100_000, 1_000_000}
	if *short {
		sizes = sizes[:1]
	}
	begin := now()
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	measured, err := b.scale(ctx, sizes, 5, counts{2000, 400, 60, 60})
	if err := errors.Join(err, b.close()); err != nil { //nolint:contextcheck // It must also clean up after a cancelled run.
		return err
	}
	b.say("simulations")
	if err := writeScaling(os.Stdout, sizes, measured, 10e6); err != nil {
		return err
	}
	m := b.results
	_, err = fmt.Fprintf(os.Stdout, "\n%d CPUs, %s/%s, Go %s, PostgreSQL %s, %.0f s\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH,
		m.strings["machine_go"], m.strings["machine_postgres"], now().Sub(begin).Seconds())
	return err
}

// scale measures with each number of users.
func (b *bench) scale(ctx context.Context, sizes []int, rounds int, of counts) ([]scaling.Measured, error) {
	b.settings = append(b.settings, "USHER_SHUTDOWN_DELAY=0s") // a server is started for each operation
	var all []scaling.Measured
	for _, users := range sizes {
		begin := now()
		p, at, err := b.filled(ctx, onPostgres, users, scalingSessions, password.New(password.Options{}))
		if err != nil {
			return nil, err
		}
		b.say("%d users in %.0f s", users, now().Sub(begin).Seconds())
		m, err := b.scaleAt(ctx, p, at, rounds, of)
		if err != nil {
			return nil, fmt.Errorf("%d users: %w", users, err)
		}
		all = append(all, m)
	}
	return all, nil
}

func (b *bench) scaleAt(ctx context.Context, p population, at string, rounds int, of counts) (m scaling.Measured, err error) {
	w, err := openWatch(ctx, at)
	if err != nil {
		return m, err
	}
	defer func() { err = errors.Join(err, w.close(ctx)) }()
	if err := w.rows(ctx, &m); err != nil {
		return m, err
	}
	for _, k := range scaling.Kinds {
		begin := now()
		if m.Costs[k], err = b.costOf(ctx, w, p, k, rounds, of[k]); err != nil {
			return m, fmt.Errorf("%s: %w", k, err)
		}
		b.say("  %s in %.0f s", k, now().Sub(begin).Seconds())
	}
	return m, w.events(ctx, p, &m)
}

// costOf measures an operation on one connection. The server and its connections end before the counters of rows are read,
// because PostgreSQL adds those of a connection at its end at the latest.
func (b *bench) costOf(ctx context.Context, w *watch, p population, k scaling.Kind, rounds, requests int) (cost scaling.Cost, err error) {
	server, err := b.usherServer(ctx, w.at)
	if err != nil {
		return cost, err
	}
	stopped := false
	defer func() {
		if !stopped {
			err = errors.Join(err, server.stop())
		}
	}()
	clients, err := b.scalingClients(ctx, w, server, p, k, requests)
	if err != nil {
		return cost, err
	}
	before, err := w.counters(ctx)
	if err != nil {
		return cost, err
	}
	warm := load{address: server.address, requests: max(10, requests/10)}
	if _, err := warm.run(ctx, clients); err != nil {
		return cost, err
	}
	var all []scaling.Cost
	for range rounds {
		c, err := w.round(ctx, server, load{address: server.address, requests: requests}, clients)
		if err != nil {
			return cost, err
		}
		all = append(all, c)
	}
	stopped = true
	if err := server.stop(); err != nil {
		return cost, err
	}
	after, err := w.counters(ctx)
	if err != nil {
		return cost, err
	}
	cost = medians(all)
	n := float64(rounds*requests + warm.requests)
	cost.Dead, cost.Events = (after.dead-before.dead)/n, (after.events-before.events)/n
	cost.Writes = cost.WAL > 50 // less is of background jobs
	return cost, nil
}

// medians returns the median of each figure.
func medians(all []scaling.Cost) scaling.Cost {
	number := func(of func(scaling.Cost) float64) float64 {
		figures := make([]float64, len(all))
		for i, c := range all {
			figures[i] = of(c)
		}
		return median(figures)
	}
	duration := func(of func(scaling.Cost) time.Duration) time.Duration {
		return time.Duration(number(func(c scaling.Cost) float64 { return float64(of(c)) }))
	}
	return scaling.Cost{
		Statements:         number(func(c scaling.Cost) float64 { return c.Statements }),
		Usher:              duration(func(c scaling.Cost) time.Duration { return c.Usher }),
		Database:           duration(func(c scaling.Cost) time.Duration { return c.Database }),
		Latency:            duration(func(c scaling.Cost) time.Duration { return c.Latency }),
		WAL:                number(func(c scaling.Cost) float64 { return c.WAL }),
		WALAfterCheckpoint: number(func(c scaling.Cost) float64 { return c.WALAfterCheckpoint }),
		Buffers:            number(func(c scaling.Cost) float64 { return c.Buffers }),
	}
}
