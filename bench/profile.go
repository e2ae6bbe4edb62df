package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"usher/internal/keyring"
	"usher/internal/password"
)

// profileKinds are the profiles that a program built with -tags profile writes.
var profileKinds = []string{"cpu", "allocs", "heap"}

// takeProfiles profiles a program built with -tags profile under each load. It writes the profiles to the folder,
// and prints the top ten functions of each.
func takeProfiles(ctx context.Context, b *bench) error {
	folder, err := filepath.Abs(b.profile)
	if err != nil {
		return err
	}
	for _, s := range []scenario{{"me", loadMe}, {"login", loadLogin}, {"refresh", loadRefresh}} {
		b.say("%s", s.name)
		into := filepath.Join(folder, s.name)
		if err := os.MkdirAll(into, 0o750); err != nil {
			return err
		}
		b.settings = []string{"USHER_PROFILE=" + into}
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		for _, kind := range profileKinds {
			if err := printTop(ctx, s.name, kind, filepath.Join(into, kind+".pprof")); err != nil {
				return err
			}
		}
	}
	return nil
}

func printTop(ctx context.Context, name, kind, file string) error {
	if _, err := os.Stat(file); err != nil {
		return fmt.Errorf("no profile. Build the program with -tags profile: %w", err)
	}
	out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-nodecount=10", file).Output() //nolint:gosec // our own file
	if err != nil {
		return fmt.Errorf("pprof: %w", err)
	}
	_, err = fmt.Fprintf(os.Stdout, "== %s: %s\n%s\n", name, kind, out)
	return err
}

// profileTime is the duration of each load.
const profileTime = 5 * time.Second

func loadMe(ctx context.Context, b *bench) (err error) {
	p, at, err := b.filled(ctx, onPostgres, meUsers, 1, cheap)
	if err != nil {
		return err
	}
	t, err := b.usherOn(ctx, p, at, keyring.DefaultAlgorithm)
	if err != nil {
		return err
	}
	defer stopping(&err, t.process)
	_, err = t.run(ctx, connections, profileTime)
	return err
}

func loadLogin(ctx context.Context, b *bench) (err error) {
	_, at, err := b.filled(ctx, onPostgres, loginUsers, 0, password.New(password.Options{}))
	if err != nil {
		return err
	}
	server, err := b.usherServer(ctx, at)
	if err != nil {
		return err
	}
	defer stopping(&err, server)
	_, err = load{address: server.address, duration: profileTime}.run(ctx, signIns(server.address, 2*runtime.NumCPU()))
	return err
}

func loadRefresh(ctx context.Context, b *bench) (err error) {
	server, clients, err := b.refreshServer(ctx, onPostgres)
	if err != nil {
		return err
	}
	defer stopping(&err, server)
	_, err = load{address: server.address, duration: profileTime}.run(ctx, clients)
	return err
}
