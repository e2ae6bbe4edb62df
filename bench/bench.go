package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"usher/internal/pgtest"
)

// bench is the state of a run that all scenarios share.
type bench struct {
	options
	pace
	folder   string // temporary files
	self     string // path of this program
	postgres *pgtest.Server
	template string // URL of an empty, migrated PostgreSQL database
	results  *results
	settings []string // additional environment variables of the program under test
	made     int      // number of files created
}

// pace is the durations and repetitions of measurements.
type pace struct {
	rounds   int
	warmUp   time.Duration
	me       time.Duration // the duration of one run in a round, as for the next ones
	single   time.Duration // `me` on one connection
	login    time.Duration
	peak     time.Duration // logins for the peak memory
	flood    time.Duration
	overload time.Duration // logins of an overload
	third    time.Duration // a third of an attack
	refresh  time.Duration
	growth   time.Duration
	requests int // number of requests before the memory is read
	idle     time.Duration
	sizes    []int // numbers of users
}

var (
	longPace = pace{
		rounds: 7, warmUp: 1500 * time.Millisecond, me: 5 * time.Second, single: 2 * time.Second, login: 5 * time.Second,
		peak: 10 * time.Second, flood: 4 * time.Second, overload: 12 * time.Second, third: 20 * time.Second, refresh: 3 * time.Second, growth: time.Second,
		requests: 100_000, idle: 5 * time.Second, sizes: []int{1_000, 10_000, 100_000, 1_000_000},
	}
	shortPace = pace{
		rounds: 3, warmUp: 300 * time.Millisecond, me: time.Second, single: 500 * time.Millisecond, login: 800 * time.Millisecond,
		peak: 1200 * time.Millisecond, flood: 700 * time.Millisecond, overload: 3 * time.Second, third: 6 * time.Second, refresh: 500 * time.Millisecond, growth: 200 * time.Millisecond,
		requests: 20_000, idle: time.Second, sizes: []int{1_000, 10_000},
	}
)

func newBench(ctx context.Context, o options) (b *bench, err error) {
	b = &bench{options: o, pace: longPace, results: newResults()}
	if o.short {
		b.pace = shortPace
	}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.usher, err = filepath.Abs(o.usher); err != nil {
		return nil, err
	}
	if o.before != "" {
		if b.before, err = filepath.Abs(o.before); err != nil {
			return nil, err
		}
	}
	if b.folder, err = os.MkdirTemp("", "usher-bench-"); err != nil {
		return nil, err
	}
	if b.postgres, err = pgtest.Start(ctx, o.database...); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.folder))
	}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(err, b.close()) //nolint:contextcheck // It must also clean up after a cancelled run.
	}
	return b, nil
}

// prepare creates the template database and records the properties of the machine.
func (b *bench) prepare(ctx context.Context) error {
	var err error
	if b.template, err = b.postgres.CreateDatabase(ctx, ""); err != nil {
		return err
	}
	if err := migrate(ctx, b.template); err != nil {
		return err
	}
	b.results.set("machine_cpus", float64(runtime.NumCPU()))
	b.results.machine("os", runtime.GOOS+"/"+runtime.GOARCH)
	b.results.machine("go", strings.TrimPrefix(runtime.Version(), "go"))
	b.results.machine("generator", b.generator)
	for name, at := range map[string]string{"postgres": b.template, "sqlite": "sqlite:" + b.file("empty.db")} {
		version, err := databaseVersion(ctx, at)
		if err != nil {
			return err
		}
		b.results.machine(name, version)
	}
	return nil
}

// close stops PostgreSQL and removes all files. The scenarios have already stopped their processes.
func (b *bench) close() error {
	return errors.Join(b.postgres.Stop(), os.RemoveAll(b.folder)) //nolint:gosec // made by newBench
}

// file returns the path of a new file in the folder. The file's name starts with name.
func (b *bench) file(name string) string {
	b.made++
	return filepath.Join(b.folder, fmt.Sprintf("%s-%d", name, b.made))
}

// say prints progress to standard error.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
