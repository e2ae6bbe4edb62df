package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"time"

	"usher/internal/keyring"
	"usher/internal/password"
)

const (
	// floodPause is the pause after a rejected login.
	floodPause = time.Second / 10
	// floodLead is how long a flood runs before and after the measurement.
	floodLead = time.Second / 5
)

// floodResult is the output of the floodProgram.
type floodResult struct {
	LoginsPerSecond float64 `json:"loginsPerSecond"`
}

// floodProgram signs users in over 32 connections. It is a separate process, so that it does not slow down the
// client that is measured.
func floodProgram(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("flood", flag.ContinueOnError)
	address := flags.String("address", "", "`address` of the server")
	d := flags.Duration("duration", time.Second, "how long to go on")
	if err := flags.Parse(args); err != nil {
		return err
	}
	t, err := load{address: *address, duration: *d, pause: floodPause}.run(ctx, signIns(*address, connections))
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(floodResult{t.sample().rps})
}

// measureFlood measures `me` during a flood of logins.
func measureFlood(ctx context.Context, b *bench) (err error) {
	p, at, err := b.filled(ctx, onPostgres, loginUsers, 1, password.New(password.Options{}))
	if err != nil {
		return err
	}
	me, err := b.usherOn(ctx, p, at, keyring.DefaultAlgorithm)
	if err != nil {
		return err
	}
	defer stopping(&err, me.process)
	if _, err := me.run(ctx, connections, b.warmUp); err != nil {
		return err
	}
	var logins []float64
	samples, err := interleave(ctx, b.rounds,
		func(ctx context.Context) (s sample, err error) {
			perSecond, err := b.flooded(ctx, me.address, func(ctx context.Context) (err error) {
				s, err = me.run(ctx, connections, b.flood)
				return err
			})
			logins = append(logins, perSecond)
			return s, err
		},
		me.measured(connections, b.flood))
	if err != nil {
		return err
	}
	b.results.compare(against{"me_flood_rps", "me_calm_rps", "me_flood_throughput"}, samples, rps)
	b.results.compare(against{"me_flood_p99_ms", "me_calm_p99_ms", "me_flood_p99_vs_calm"}, samples, p99ms)
	b.results.set("me_flood_logins_per_s", median(logins))
	return nil
}

// flooded calls measure during a flood and returns the flood's logins per second.
func (b *bench) flooded(ctx context.Context, address string, measure func(context.Context) error) (float64, error) {
	cmd := exec.CommandContext(ctx, b.self, "flood", "-address", address, //nolint:gosec // this very program
		"-duration", (b.flood + 2*floodLead).String())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	select {
	case <-ctx.Done():
	case <-time.After(floodLead):
	}
	measureErr := measure(ctx)
	if err := cmd.Wait(); err != nil {
		return 0, fmt.Errorf("flood: %w", err)
	}
	var flood floodResult
	if err := json.Unmarshal(out.Bytes(), &flood); err != nil {
		return 0, fmt.Errorf("flood: %w", err)
	}
	return flood.LoginsPerSecond, measureErr
}
