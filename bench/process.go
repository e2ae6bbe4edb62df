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

// secret is the server's secret, and the key of the limit handlers' tokens. It protects nothing.
const secret = "c7b1e0f5a9d3864220f7e1b8d45a9c63f2086e7d"

// process is a program under test that is ready for requests.
type process struct {
	name    string
	address string        // host and port
	startup time.Duration // from its start until it was ready
	cmd     *exec.Cmd
	log     string        // file of its standard error
	exited  chan struct{} // closed when the process has ended, with
	err     error
}

// usherServer starts the program itself, with its defaults and further flags, on a database.
func (b *bench) usherServer(ctx context.Context, database string, flags ...string) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	env := append([]string{"USHER_SECRET_KEY=" + secret, "USHER_DATABASE_URL=" + database}, b.settings...)
	return b.serve(ctx, address, env, b.usher,
		append([]string{"serve", "--listen", address, "--issuer", "http://" + address}, flags...)...)
}

// limitServer starts the limit handlers on a database.
func (b *bench) limitServer(ctx context.Context, database string) (*process, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	return b.serve(ctx, address, []string{"DATABASE_URL=" + database}, b.self, "limit", "-listen", address)
}

// serve starts a program and waits until it is ready at an address. The program sees no more of the
// environment than it needs, so that no setting there changes what is measured.
func (b *bench) serve(ctx context.Context, address string, env []string, program string, args ...string) (*process, error) {
	p := &process{name: args[0], address: address, log: b.file(args[0] + ".log"), exited: make(chan struct{})}
	log, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = log.Close() }() // the process has its own
	// stop ends it, also when ctx has ended.
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

// ready waits until the process says that it is ready.
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

// stop ends the process. The error of one that ended badly holds what it said last.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	timeout := time.AfterFunc(stopTimeout, func() { _ = p.cmd.Process.Kill() })
	defer timeout.Stop()
	<-p.exited
	if p.err == nil {
		return nil
	}
	said, _ := os.ReadFile(p.log)
	return fmt.Errorf("%s: %w\n%s", p.name, p.err, said[max(0, len(said)-2000):])
}

// stopping is stop for defer.
func stopping(err *error, p *process) { *err = errors.Join(*err, p.stop()) }

func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
