package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"usher/internal/keyring"
	"usher/internal/password"
)

const (
	// overloadConnections is the number of connections that each have a request in flight all the time. Three times the peak
	// needs far fewer: a server that answers in time gets its peak from 32 connections.
	overloadConnections = 1000
	overloadFactor      = 3
	// slowClients is the number of clients that send a byte a second: half of them their headers, the others a body.
	slowClients  = 2000
	slowInterval = time.Second
	// probeInterval is the time between two requests to /healthz, each on a new connection.
	probeInterval = 20 * time.Millisecond
)

// slowResult is the output of the slowProgram.
type slowResult struct {
	// Closed is how often the server closed a slow connection. Its client then opened another.
	Closed int64 `json:"closed"`
}

// opened is what the slowProgram prints when all connections are open.
const opened = "open\n"

// slowProgram sends requests at a byte a second over many connections, until its standard input ends. It is a separate process,
// because it needs many file descriptors.
func slowProgram(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("slow", flag.ContinueOnError)
	address := flags.String("address", "", "`address` of the server")
	clients := flags.Int("clients", slowClients, "the number of connections")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var closed atomic.Int64
	var open, group sync.WaitGroup
	open.Add(*clients)
	for n := range *clients {
		group.Go(func() {
			first := sync.OnceFunc(open.Done)
			for ctx.Err() == nil {
				sendSlowly(ctx, *address, n%2 == 0, first)
				closed.Add(1)
			}
		})
	}
	open.Wait()
	if _, err := os.Stdout.WriteString(opened); err != nil {
		return err
	}
	group.Wait()
	return json.NewEncoder(os.Stdout).Encode(slowResult{max(0, closed.Load()-int64(*clients))})
}

// sendSlowly opens a connection and sends a byte a second, until the server closes it or ctx ends.
func sendSlowly(ctx context.Context, address string, headers bool, begun func()) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	rest := bytes.Repeat([]byte("a"), 1000)
	start := "POST /graphql HTTP/1.1\r\nHost: " + address + "\r\nContent-Type: application/json\r\n"
	if headers {
		start += "X-Slow: "
	} else {
		start += fmt.Sprintf("Content-Length: %d\r\n\r\n", len(rest))
	}
	if _, err := io.WriteString(conn, start); err != nil {
		return
	}
	begun()
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, conn) // until the server closes the connection
		close(ended)
	}()
	tick := time.NewTicker(slowInterval)
	defer tick.Stop()
	for i := range rest {
		select {
		case <-ctx.Done():
			return
		case <-ended:
			return
		case <-tick.C:
		}
		if _, err := conn.Write(rest[i : i+1]); err != nil {
			return
		}
	}
}

// slowed calls measure while slow clients are connected, and returns how often the server closed one of their connections.
func (b *bench) slowed(ctx context.Context, address string, measure func(context.Context) error) (int64, error) {
	cmd := exec.CommandContext(ctx, b.self, "slow", "-address", address) //nolint:gosec // this very program
	var failures bytes.Buffer
	cmd.Stderr = &failures
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	line := make([]byte, len(opened))
	_, err := io.ReadFull(stdout, line)
	if err == nil {
		err = measure(ctx)
	}
	_ = stdin.Close()
	var slow slowResult
	err = errors.Join(err, json.NewDecoder(stdout).Decode(&slow), cmd.Wait())
	if err != nil {
		return 0, fmt.Errorf("slow clients: %w\n%s", err, failures.Bytes())
	}
	return slow.Closed, nil
}

// probed calls measure and meanwhile asks for the server's health, each time on a new connection. It returns the sorted
// latencies.
func probed(ctx context.Context, address string, measure func(context.Context) error) ([]time.Duration, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var latencies []time.Duration
	var failed error
	var group sync.WaitGroup
	stop := make(chan struct{})
	group.Go(func() {
		tick := time.NewTicker(probeInterval)
		defer tick.Stop()
		for failed == nil {
			select {
			case <-stop:
				return
			case <-tick.C:
			}
			start := now()
			failed = get(ctx, client, "http://"+address+"/healthz")
			latencies = append(latencies, now().Sub(start))
		}
	})
	err := measure(ctx)
	close(stop)
	group.Wait()
	slices.Sort(latencies)
	return latencies, errors.Join(err, failed)
}

func get(ctx context.Context, client *http.Client, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil) //nolint:gosec // the server under test
	if err != nil {
		return err
	}
	response, err := client.Do(r) //nolint:gosec // the server under test
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, response.Status)
	}
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// measureOverload compares the peak of `me`, and that of `login`, with what is served of a load that is too high, while slow
// clients are connected.
func measureOverload(ctx context.Context, b *bench) error {
	if err := b.overloadMe(ctx); err != nil {
		return err
	}
	return b.overloadLogin(ctx)
}

// overloaded is what was seen during an overload.
type overloaded struct {
	health []time.Duration
	closed int64
}

// overload calls measure with slow clients and probes.
func (o *overloaded) overload(ctx context.Context, b *bench, address string, measure func(context.Context) error) error {
	var health []time.Duration
	closed, err := b.slowed(ctx, address, func(ctx context.Context) (err error) {
		health, err = probed(ctx, address, measure)
		return err
	})
	o.closed += closed
	o.health = append(o.health, health...)
	return err
}

// record records what was seen, and the peak memory of the server.
func (o *overloaded) record(b *bench, name string, server *process) {
	slices.Sort(o.health)
	b.results.set("overload_"+name+"_health_p99_ms", percentile(o.health, 99).Seconds()*1e3)
	b.results.set("overload_"+name+"_health_max_ms", percentile(o.health, 100).Seconds()*1e3)
	b.results.set("overload_"+name+"_slow_closed", float64(o.closed))
	if mb, err := memory(server.cmd.Process.Pid, peakResidentMemory); err == nil {
		b.results.set("overload_"+name+"_rss_mb", mb)
	}
}

func (b *bench) overloadMe(ctx context.Context) (err error) {
	p, at, err := b.filled(ctx, onPostgres, meUsers, 1, cheap)
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
	var o overloaded
	samples, err := interleave(ctx, b.rounds,
		func(ctx context.Context) (s sample, err error) {
			err = o.overload(ctx, b, me.address, func(ctx context.Context) (err error) {
				s, err = me.run(ctx, overloadConnections, b.me)
				return err
			})
			return s, err
		},
		me.measured(connections, b.me))
	if err != nil {
		return err
	}
	b.results.compare(against{"overload_me_rps", "overload_me_peak_rps", "overload_me_served"}, samples, rps)
	b.results.compare(against{"overload_me_p99_ms", "overload_me_peak_p99_ms", "overload_me_p99_vs_peak"}, samples, p99ms)
	o.record(b, "me", me.process)
	return nil
}

func (b *bench) overloadLogin(ctx context.Context) (err error) {
	_, at, err := b.filled(ctx, onPostgres, loginUsers, 0, password.New(password.Options{}))
	if err != nil {
		return err
	}
	server, err := b.usherServer(ctx, at)
	if err != nil {
		return err
	}
	defer stopping(&err, server)
	var o overloaded
	var busy []time.Duration
	run := func(ctx context.Context, connections int, every time.Duration) (sample, error) {
		t, err := load{address: server.address, duration: b.overload, every: every}.run(ctx, signIns(server.address, connections))
		busy = append(busy, t.refused...)
		return t.sample(), err
	}
	peak, err := run(ctx, loginConnections, 0)
	if err != nil {
		return err
	}
	// All connections together send three times as many requests a second.
	every := time.Duration(overloadConnections / (overloadFactor * peak.rps) * float64(time.Second))
	samples, err := interleave(ctx, b.rounds,
		func(ctx context.Context) (s sample, err error) {
			err = o.overload(ctx, b, server.address, func(ctx context.Context) (err error) {
				s, err = run(ctx, overloadConnections, every)
				return err
			})
			return s, err
		},
		func(ctx context.Context) (sample, error) { return run(ctx, loginConnections, 0) })
	if err != nil {
		return err
	}
	slices.Sort(busy)
	b.results.compare(against{"overload_login_rps", "overload_login_peak_rps", "overload_login_served"}, samples, rps)
	b.results.set("overload_login_refused_p99_ms", percentile(busy, 99).Seconds()*1e3)
	b.results.set("overload_login_refused_max_ms", percentile(busy, 100).Seconds()*1e3)
	o.record(b, "login", server)
	return nil
}
