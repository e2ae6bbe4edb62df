package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// client sends requests on one connection, one after the other. Requests and answers are valid only until the
// next call.
type client interface {
	// request returns the bytes of the next request.
	request() []byte
	// answer checks the answer to that request.
	answer(status int, body []byte) (verdict, error)
}

// verdict is the kind of a correct answer. A wrong answer is an error and ends the bench.
type verdict int

const (
	served verdict = iota
	refused
)

// errWrong returns the error for a wrong answer.
func errWrong(status int, body []byte) error {
	return fmt.Errorf("wrong answer: %d %.500s", status, redactTokens(body))
}

// load describes how clients send requests.
type load struct {
	address  string
	duration time.Duration
	requests int           // requests of each client; unless 0, it replaces duration
	pause    time.Duration // pause after a refusal
	spread   bool          // each connection has an address of its own
	// every is the time from one request of a client to its next one. Zero means that a request follows the answer. The first
	// requests of the clients are spread over it.
	every time.Duration
}

// tally is the result of a load.
type tally struct {
	elapsed         time.Duration
	served, refused []time.Duration // latencies of the answers
}

// run runs each client on its own connection until the load ends.
func (l load) run(ctx context.Context, clients []client) (tally, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	connections := make([]connection, len(clients))
	for i := range connections {
		c := &connections[i]
		c.client, c.load = clients[i], l
		for verdict := range c.latencies {
			c.latencies[verdict] = make([]time.Duration, 0, 1<<14)
		}
		defer c.close()
		if l.every > 0 {
			continue // the server closes a connection whose first request takes too long
		}
		if err := c.dial(ctx); err != nil {
			return tally{}, err
		}
	}
	var group sync.WaitGroup
	errs := make([]error, len(clients))
	begin := now()
	for i := range connections {
		group.Go(func() {
			first := begin.Add(l.every * time.Duration(i) / time.Duration(len(connections)))
			if errs[i] = connections[i].run(ctx, first, begin.Add(l.duration)); errs[i] != nil {
				cancel()
			}
		})
	}
	group.Wait()
	t := tally{elapsed: now().Sub(begin)}
	if err := errors.Join(slices.DeleteFunc(errs, isClosed)...); err != nil {
		return t, err
	}
	if err := ctx.Err(); err != nil {
		return t, err
	}
	for i := range connections {
		t.served = append(t.served, connections[i].latencies[served]...)
		t.refused = append(t.refused, connections[i].latencies[refused]...)
	}
	return t.sorted(), nil
}

// sorted sorts the latencies for percentile.
func (t tally) sorted() tally {
	slices.Sort(t.served)
	slices.Sort(t.refused)
	return t
}

// hangTimeout is how long a load may exceed its duration.
const hangTimeout = time.Minute

// isClosed reports whether an error is only a consequence of the failure of another connection.
func isClosed(err error) bool { return errors.Is(err, net.ErrClosed) }

// connection is a client and its connection.
type connection struct {
	client
	load
	conn      net.Conn
	forget    func() bool // of ctx
	latencies [refused + 1][]time.Duration
	buffer    [16 << 10]byte
}

// dial opens the connection. The end of ctx closes it, which ends a pending read.
func (c *connection) dial(ctx context.Context) error {
	var dialer net.Dialer
	if c.spread {
		dialer.LocalAddr = nextAddress()
	}
	conn, err := dialer.DialContext(ctx, "tcp", c.address)
	if err != nil {
		return err
	}
	_ = conn.SetDeadline(now().Add(c.duration + hangTimeout)) // fails only on a closed connection
	c.conn, c.forget = conn, context.AfterFunc(ctx, func() { _ = conn.Close() })
	return nil
}

func (c *connection) close() {
	if c.conn != nil {
		c.forget()
		_ = c.conn.Close()
	}
}

// run sends requests from a time on until another.
func (c *connection) run(ctx context.Context, next, end time.Time) error {
	for i := 0; c.requests > 0 && i < c.requests || c.requests == 0 && now().Before(end); i++ {
		if c.every > 0 {
			if !sleep(ctx, min(next.Sub(now()), end.Sub(now()))) || !next.Before(end) {
				return nil
			}
			next = next.Add(c.every)
		}
		if c.conn == nil {
			if err := c.dial(ctx); err != nil {
				return err
			}
		}
		start := now()
		if _, err := c.conn.Write(c.request()); err != nil {
			return err
		}
		status, body, err := c.read()
		if err != nil {
			return err
		}
		latency := now().Sub(start)
		verdict, err := c.answer(status, body)
		if err != nil {
			return err
		}
		c.latencies[verdict] = append(c.latencies[verdict], latency)
		if verdict == refused && !sleep(ctx, c.pause) {
			return nil
		}
	}
	return nil
}

// sleep waits, and reports false if ctx ends first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// read reads one complete answer.
func (c *connection) read() (status int, body []byte, err error) {
	for n := 0; n < len(c.buffer); {
		more, err := c.conn.Read(c.buffer[n:])
		if err != nil {
			return 0, nil, fmt.Errorf("read answer: %w", err)
		}
		n += more
		status, body, size, err := parseAnswer(c.buffer[:n])
		switch {
		case err != nil:
			return 0, nil, err
		case size == n:
			return status, body, nil
		case size > 0:
			return 0, nil, errAnswer // more bytes than one answer
		}
	}
	return 0, nil, errAnswer
}

// percentile returns the p-th percentile of sorted latencies, or 0 without latencies.
func percentile(latencies []time.Duration, p int) time.Duration {
	if len(latencies) == 0 {
		return 0
	}
	return latencies[(len(latencies)*p+99)/100-1]
}
