package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// secret is the server's secret and the key of the limit handlers' tokens. It is public and only for measurements.
const secret = "c7b1e0f5a9d3864220f7e1b8d45a9c63f2086e7d"

// process is a running program under test.
type process struct {
	name    string
	address string        // host and port
	startup time.Duration // time from the start until it was ready
	cmd     *exec.Cmd
	log     string        // path of the file with its standard error
	exited  chan struct{} // closed when the process has ended and err is set
	err     error
}

// highLimits lets the load of all clients come from one address. The limits are high and not off, because counting is part
// of what is measured.
const highLimits = "USHER_RATE_LIMITS=login=1000000000/1m,login-failures=1000000000/1h,login-guesses=1000000000/1h," +
	"login-attack=1000000000/10m,refresh=1000000000/1m,signup=1000000000/1h,signup-flood=1000000000/10m"

// usherServer starts the program with a database, high rate limits, otherwise default settings, and flags.
func (b *bench) usherServer(ctx context.Context, database string, flags ...string) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	env := append([]string{"USHER_SECRET_KEY=" + secret, "USHER_DATABASE_URL=" + database, highLimits}, b.settings...)
	return b.serve(ctx, address, env, b.usher,
		append([]string{"serve", "--listen", address, "--issuer", "http://" + address}, flags...)...)
}

// limitServer starts the limit handlers with a database.
func (b *bench) limitServer(ctx context.Context, database string) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	return b.serve(ctx, address, []string{"DATABASE_URL=" + database}, b.self, "limit", "-listen", address)
}

// serve starts a program and waits until it is ready at an address. The program gets only env, so that no setting
// in the environment affects the measurement.
func (b *bench) serve(ctx context.Context, address string, env []string, program string, args ...string) (*process, error) {
	p := &process{name: args[0], address: address, log: b.file(args[0] + ".log"), exited: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own descriptor
	// stop ends the process, even if ctx has ended.
	p.cmd = exec.CommandContext(context.WithoutCancel(ctx), program, args...) //nolint:gosec // the programs to measure
	p.cmd.Dir, p.cmd.Stderr = b.folder, log
	p.cmd.Env = append(env, "PATH="+os.Getenv("PATH"))
	start := now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.exited)
	}()
	if err := p.ready(ctx); err != nil {
		return nil, errors.Join(err, p.stop())
	}
	p.startup = now().Sub(start)
	return p, nil
}

const (
	startTimeout  = 30 * time.Second
	readyInterval = time.Millisecond / 2
	stopTimeout   = 15 * time.Second
)

// ready waits until the process reports that it is ready.
func (p *process) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(readyInterval)
	defer tick.Stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/readyz", nil)
		if err != nil {
			return err
		}
		if response, err := client.Do(r); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w", p.name, ctx.Err())
		case <-p.exited:
			return fmt.Errorf("%s did not start", p.name)
		case <-tick.C:
		}
	}
}

// stop ends the process. If the process fails, the error contains the end of its log.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // fails if the process has ended
	timeout := time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() })
	defer timeout.Stop()
	<-p.exited
	if p.err == nil {
		return nil
	}
	said, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s: %w\n%s", p.name, p.err, said[max(0, len(said)-2000):])
}

// stopping calls stop in a defer and joins its error.
func stopping(err *error, p *process) { *err = errors.Join(*err, p.stop()) }

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
