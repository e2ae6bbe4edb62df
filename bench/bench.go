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

// bench is one run: what the scenarios share.
type bench struct {
	options
	pace
	folder   string // for everything that is gone afterwards
	self     string // this program
	postgres *pgtest.Server
	template string // URL of an empty, migrated PostgreSQL database
	results  *results
	settings []string // variables for the program under test, besides those that it cannot do without
	made     int      // files
}

// pace is how long and how often is measured.
type pace struct {
	rounds   int
	warmUp   time.Duration
	me       time.Duration // each of these is one run within a round
	single   time.Duration // at one connection
	login    time.Duration
	peak     time.Duration // of memory
	flood    time.Duration
	refresh  time.Duration
	growth   time.Duration
	requests int // before the memory is read
	idle     time.Duration
	sizes    []int // numbers of users
}

var (
	longPace = pace{
		rounds: 7, warmUp: 1500 * time.Millisecond, me: 5 * time.Second, single: 2 * time.Second, login: 5 * time.Second,
		peak: 10 * time.Second, flood: 4 * time.Second, refresh: 3 * time.Second, growth: time.Second,
		requests: 100_000, idle: 5 * time.Second, sizes: []int{1_000, 10_000, 100_000, 1_000_000},
	}
	shortPace = pace{
		rounds: 3, warmUp: 300 * time.Millisecond, me: time.Second, single: 500 * time.Millisecond, login: 800 * time.Millisecond,
		peak: 1200 * time.Millisecond, flood: 700 * time.Millisecond, refresh: 500 * time.Millisecond, growth: 200 * time.Millisecond,
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
	if b.folder, err = os.MkdirTemp("", "usher-bench-"); err != nil {
		return nil, err
	}
	if b.postgres, err = pgtest.Start(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.folder))
	}
	if err := b.prepare(ctx); err != nil {
		return nil, errors.Join(err, b.close()) //nolint:contextcheck // it ends what a cancelled run has left
	}
	return b, nil
}

// prepare makes the template and describes the machine.
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

// close ends PostgreSQL and removes all files. The other processes have ended with their scenario.
func (b *bench) close() error {
	return errors.Join(b.postgres.Stop(), os.RemoveAll(b.folder)) //nolint:gosec // made by newBench
}

// file returns a new path in the folder, which begins with a name.
func (b *bench) file(name string) string {
	b.made++
	return filepath.Join(b.folder, fmt.Sprintf("%s-%d", name, b.made))
}

// say tells whoever waits how far the bench is.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...)
}
