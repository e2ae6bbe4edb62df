package mailing

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"usher/internal/auth"
)

const (
	// PollInterval is how often a replica looks for mails that it was not woken for: those of other replicas that have
	// stopped, and those to try again.
	PollInterval = 5 * time.Second
	// lease is how long a claimed mail belongs to the replica that has claimed it. It exceeds attemptLimit and recordLimit
	// together, otherwise two replicas could send a mail. The clocks of replicas may differ by the rest.
	lease = 3 * time.Minute
	// attemptLimit limits one attempt, from before the claim to the answer of the SMTP server.
	attemptLimit = 2 * time.Minute
	// recordLimit is how long a replica tries to record the outcome of an attempt.
	recordLimit = 30 * time.Second
	// stopGrace is how long an attempt may go on when the server stops: a mail that is cut off after its transfer would
	// be sent twice.
	stopGrace = 5 * time.Second
	// parallel is how many mails one replica sends at once. A recipient whose server hangs takes one place of these.
	parallel = 4
	// batch is how many due mails are read at once.
	batch = 50
)

// Deliver sends the mails that are due, also those that become due meanwhile, and returns when there are no more. Each
// mail is sent by one replica. If a replica stops in between, another one tries again after the lease, with the same
// Message-ID.
//
// A failed attempt is recorded and logged. The error is that of the database.
func (o *Outbox) Deliver(ctx context.Context) error {
	if !o.Enabled() {
		return nil
	}
	d := delivery{Outbox: o, ended: make(chan *route, parallel)}
	defer d.close()
	for ctx.Err() == nil {
		found, err := d.begin(ctx)
		switch {
		case found && err == nil: // there may be more
			continue
		case d.busy == 0:
			return err
		}
		// A mail whose server hangs must not hold up the mails that come meanwhile.
		select {
		case t := <-d.ended:
			d.put(t)
		case <-o.wake:
		case <-time.After(PollInterval):
		case <-ctx.Done():
		}
	}
	return nil
}

// delivery is one call of Deliver. Only its goroutine uses it, except for ended.
type delivery struct {
	*Outbox

	idle  []*route
	busy  int         // the number of attempts that are under way
	ended chan *route // receives the route of each attempt at its end; nil if it cannot be used
}

// route is a transport and the Post that it is of. One attempt has one route, so that a mail is composed and sent by the
// same settings.
type route struct {
	*Post

	transport Transport
}

// begin reads due mails and begins to send those that this replica can claim. It reports whether any were due.
func (d *delivery) begin(ctx context.Context) (found bool, err error) {
	due, err := d.store.DueMails(ctx, d.tx.Now(), batch)
	if err != nil {
		return false, err
	}
	for i := range due {
		by := d.take(ctx)
		if by == nil {
			return true, nil
		}
		limited, cancel := lasting(ctx, attemptLimit, d.grace)
		ok, err := d.claim(limited, &due[i])
		if err != nil || !ok {
			cancel()
			d.idle = append(d.idle, by)
			if err != nil {
				return true, err
			}
			continue // another replica has claimed it
		}
		d.busy++
		go func() {
			defer cancel()
			defer func() { d.ended <- by }()
			if !d.safely(ctx, &due[i], func() { d.attempt(ctx, limited, by, &due[i]) }) {
				by.transport.Close()
				by = nil
			}
		}()
	}
	return len(due) > 0, nil
}

// take returns a route of the current Post as soon as there is one, the last used first; nil when ctx ends.
func (d *delivery) take(ctx context.Context) *route {
	for d.busy == parallel {
		select {
		case t := <-d.ended:
			d.put(t)
		case <-ctx.Done():
			return nil
		}
	}
	post := d.post.Load()
	for len(d.idle) > 0 {
		n := len(d.idle) - 1
		r := d.idle[n]
		d.idle = d.idle[:n]
		if r.Post == post {
			return r
		}
		r.transport.Close()
	}
	return &route{post, post.Open()}
}

// put takes back the route of an attempt that has ended.
func (d *delivery) put(r *route) {
	d.busy--
	if r != nil {
		d.idle = append(d.idle, r)
	}
}

// close waits for all attempts and ends the connections.
func (d *delivery) close() {
	for d.busy > 0 {
		d.put(<-d.ended)
	}
	for _, r := range d.idle {
		r.transport.Close()
	}
}

// claim makes a mail that of this replica until the lease ends. It reports false if another replica has claimed it.
func (o *Outbox) claim(ctx context.Context, m *auth.MailMessage) (bool, error) {
	attempts := m.Attempts
	m.Attempts++
	m.NextAttemptAt = o.tx.Now().Add(lease)
	claimed, err := o.store.UpdateMail(ctx, m, auth.MailQueued, attempts)
	if err != nil {
		return false, fmt.Errorf("claim mail: %w", err)
	}
	return claimed, nil
}

// safely calls attempt and reports whether it returned. A mail that makes the server panic must not end the process, or
// it would end it again after each start.
func (o *Outbox) safely(ctx context.Context, m *auth.MailMessage, attempt func()) (ok bool) {
	defer func() {
		if ok {
			return
		}
		cause := recover()
		// Other values than the runtime's own could quote a secret.
		if _, known := cause.(runtime.Error); !known {
			cause = fmt.Sprintf("%T", cause)
		}
		o.fault(ctx, m, fmt.Errorf("panic: %v\n%s", cause, debug.Stack()), "server: it has a fault, see its log")
	}()
	attempt()
	return true
}

// lasting returns a context that ends after a limit. When ctx ends, because the server stops, it lasts for a grace.
func lasting(ctx context.Context, limit, grace time.Duration) (context.Context, context.CancelFunc) {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(grace, cancel) })
	return limited, func() {
		stop()
		cancel()
	}
}
