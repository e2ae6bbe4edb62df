package main

import (
	"bytes"
	"context"
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
	"time"

	"usher/internal/keyring"
	"usher/internal/password"
)

const (
	// overloadConnections is the number of connections of an overload. Each sends `me` all the time, and all together send
	// `login` at overloadFactor times the peak.
	overloadConnections = 1000
	overloadFactor      = 3
	// slowClients is the number of clients that send a byte a second: half of them their headers, the others a body.
	slowClients  = 2000
	slowInterval = time.Second
	// probeInterval is the time between two requests to /healthz, each on a new connection.
	probeInterval = 20 * time.Millisecond
)

// opened is what the slowProgram prints when all connections are open.
const opened = "open\n"

// slowProgram sends requests at a byte a second over many connections, until its standard input ends. It is a separate process,
// because it needs many file descriptors.
func slowProgram(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("slow", flag.ContinueOnError)
	address := flags.String("address", "", "`address` of the server")
	if err := flags.Parse(args); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var open, group sync.WaitGroup
	open.Add(slowClients)
	for n := range slowClients {
		group.Go(func() {
			first := sync.OnceFunc(open.Done)
			for ctx.Err() == nil {
				sendSlowly(ctx, *address, n%2 == 0, first)
			}
		})
	}
	open.Wait()
	if _, err := os.Stdout.WriteString(opened); err != nil {
		return err
	}
	group.Wait()
	return nil
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

// slowed calls measure while slow clients are connected. When the server closes the connection of one, it opens another.
func (b *bench) slowed(ctx context.Context, address string, measure func(context.Context) error) error {
	cmd := exec.CommandContext(ctx, b.self, "slow", "-address", address) //nolint:gosec // this very program
	var failures bytes.Buffer
	cmd.Stderr = &failures
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	line := make([]byte, len(opened))
	_, err := io.ReadFull(stdout, line)
	if err == nil {
		err = measure(ctx)
	}
	_ = stdin.Close()
	if err := errors.Join(err, cmd.Wait()); err != nil {
		return fmt.Errorf("slow clients: %w\n%s", err, failures.Bytes())
	}
	return nil
}

// probed calls measure and meanwhile asks for the server's health, each time on a new connection. It returns the
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

// overloaded calls measure while slow clients are connected, and returns the latencies of probes.
func (b *bench) overloaded(ctx context.Context, address string, measure func(context.Context) error) (health []time.Duration, err error) {
	err = b.slowed(ctx, address, func(ctx context.Context) (err error) {
		health, err = probed(ctx, address, measure)
		return err
	})
	return health, err
}

// recordOverload records the latencies of probes, and the peak memory of the server.
func (b *bench) recordOverload(name string, health []time.Duration, server *process) {
	slices.Sort(health)
	b.results.set("overload_"+name+"_health_p99_ms", percentile(health, 99).Seconds()*1e3)
	b.results.set("overload_"+name+"_health_max_ms", percentile(health, 100).Seconds()*1e3)
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
	var health []time.Duration
	samples, err := interleave(ctx, b.rounds,
		func(ctx context.Context) (s sample, err error) {
			probes, err := b.overloaded(ctx, me.address, func(ctx context.Context) (err error) {
				s, err = me.run(ctx, overloadConnections, b.me)
				return err
			})
			health = append(health, probes...)
			return s, err
		},
		me.measured(connections, b.me))
	if err != nil {
		return err
	}
	b.results.compare(against{"overload_me_rps", "overload_me_peak_rps", "overload_me_served"}, samples, rps)
	b.results.compare(against{"overload_me_p99_ms", "overload_me_peak_p99_ms", "overload_me_p99_vs_peak"}, samples, p99ms)
	b.recordOverload("me", health, me.process)
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
	var health []time.Duration
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
			probes, err := b.overloaded(ctx, server.address, func(ctx context.Context) (err error) {
				s, err = run(ctx, overloadConnections, every)
				return err
			})
			health = append(health, probes...)
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
	b.recordOverload("login", health, server)
	return nil
}
