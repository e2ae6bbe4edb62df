package main

import (
	"context"
	"os"
	"time"

	"usher/internal/keyring"
)

// starts is the number of starts to measure.
const starts = 10

// measureFootprint measures the program itself: its start time, memory, size on disk, and processor time when
// idle.
func measureFootprint(ctx context.Context, b *bench) error {
	file, err := os.Stat(b.usher) //nolint:gosec // the program to measure
	if err != nil {
		return err
	}
	b.results.set("binary_mb", float64(file.Size())/1e6)
	for _, kind := range kinds {
		suffix := "" // the names of figures on PostgreSQL have no suffix
		if kind == onSQLite {
			suffix = "_sqlite"
		}
		if err := b.footprintOn(ctx, kind, suffix); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) footprintOn(ctx context.Context, kind, suffix string) (err error) {
	p, at, err := b.filled(ctx, kind, meUsers, 1, cheap)
	if err != nil {
		return err
	}
	var took []time.Duration
	for range starts + 1 {
		server, err := b.usherServer(ctx, at)
		if err != nil {
			return err
		}
		if err := server.stop(); err != nil {
			return err
		}
		took = append(took, server.startup)
	}
	b.results.set("start_ms"+suffix, median(took[1:]).Seconds()*1e3) // the first start generates the signing key

	t, err := b.usherOn(ctx, p, at, keyring.DefaultAlgorithm)
	if err != nil {
		return err
	}
	defer stopping(&err, t.process)
	if _, err := (load{address: t.address, requests: b.requests / connections}).run(ctx, walks(t.all, connections)); err != nil {
		return err
	}
	pid := t.cmd.Process.Pid
	if mb, err := memory(pid, residentMemory); err == nil {
		b.results.set("rss_mb_after_me"+suffix, mb)
	}
	before, err := cpuTime(pid)
	if err != nil {
		return nil // this system does not report it
	}
	begin := now()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(b.idle):
	}
	after, err := cpuTime(pid)
	if err != nil {
		return err
	}
	b.results.set("idle_cpu_percent"+suffix, float64(after-before)/float64(now().Sub(begin))*100)
	return nil
}
