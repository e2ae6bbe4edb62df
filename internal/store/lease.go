package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// lease limits how long a former primary that still accepts writes can serve reads. Nothing that such a server says
// tells it from the primary. But with synchronous replication it can no longer commit, because a standby that was
// promoted confirms nothing to it. So Usher commits an empty transaction a few times in each term. A commit that was
// confirmed proves that no other server was promoted before it began.
//
// A term belongs to a timeline of PostgreSQL, not to an address. A promotion begins a new timeline, and a connection
// keeps its timeline for life.
type lease struct {
	duration time.Duration
	hosts    []pgx.ConnConfig // one for each host, in no order
	now      func() time.Time
	log      *slog.Logger
	move     func(cause error, timeline string) // replaces the connections of the pool by those to a timeline

	term atomic.Pointer[term]
	conn *pgconn.PgConn       // which confirms, or nil
	at   string               // the timeline of conn
	seen map[string]time.Time // when each timeline was first seen
	lost bool                 // whether the log says that no server confirms
	stop func()
}

// term is the time in which connections to one timeline may be used.
type term struct {
	timeline    string
	from, until time.Time
}

// errNoLease is the error of a statement outside of the term.
var errNoLease = errors.New("the database server has not confirmed that it is the primary")

// warning is the name under which a connection keeps the last warning of the server.
const warning = "usher warning"

// confirmations is the number of confirmations in the duration of a lease. Each one may take half of the duration.
const confirmations = 4

func newLease(duration time.Duration, c *connector) *lease {
	l := &lease{duration: duration, now: c.now, log: c.log}
	l.move = func(cause error, timeline string) {
		c.leave(c.epoch.Load(), cause)
		c.abandon(timeline)
	}
	config := c.config
	config.RuntimeParams = maps.Clone(config.RuntimeParams)
	config.RuntimeParams["synchronous_commit"] = "on"
	config.ConnectTimeout = duration / 2
	config.OnNotice = func(conn *pgconn.PgConn, notice *pgconn.Notice) {
		if notice.SeverityUnlocalized == "WARNING" {
			conn.CustomData()[warning] = notice.Message
		}
	}
	// pgx lists a host twice to try it with and without TLS.
	first := &pgconn.FallbackConfig{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}
	for i, address := range slices.Concat([]*pgconn.FallbackConfig{first}, config.Fallbacks) {
		if i > 0 && l.hosts[len(l.hosts)-1].Host == address.Host && l.hosts[len(l.hosts)-1].Port == address.Port {
			last := &l.hosts[len(l.hosts)-1]
			last.Fallbacks = append(last.Fallbacks, address)
			continue
		}
		host := config
		host.Host, host.Port, host.TLSConfig, host.Fallbacks = address.Host, address.Port, address.TLSConfig, nil
		l.hosts = append(l.hosts, host)
	}
	return l
}

// begin waits for the first term, and renews it until end.
func (l *lease) begin(ctx context.Context) error {
	if err := l.renew(ctx); err != nil {
		return err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for wait(running, l.duration/confirmations) == nil {
			_ = l.renew(running) // the log has the error
		}
	}()
	l.stop = func() { cancel(); <-done }
	return wait(ctx, l.term.Load().from.Sub(l.now()))
}

// end ends the lease.
func (l *lease) end() {
	if l.stop != nil {
		l.stop()
	}
	l.disconnect()
}

// renew confirms the term, at the server of the last one or else at any host.
func (l *lease) renew(ctx context.Context) error {
	began := l.now()
	var err error
	if l.conn != nil {
		if err = l.confirm(ctx, l.conn); err != nil {
			l.disconnect()
		}
	}
	if l.conn == nil {
		began = l.now()
		err = l.find(ctx)
	}
	if err != nil {
		if ctx.Err() == nil && !l.lost {
			l.log.WarnContext(ctx, "no database server confirms that it is the primary; requests fail when the lease ends", slog.Any("cause", err))
			l.lost = true
		}
		return err
	}
	if l.lost {
		l.log.InfoContext(ctx, "a database server confirms again that it is the primary")
		l.lost = false
	}
	before := l.term.Load()
	if before != nil && before.timeline == l.at {
		l.term.Store(&term{l.at, before.from, began.Add(l.duration)})
		return nil
	}
	// The server was promoted before it was first seen. Replicas of Usher that use the former primary notice within the
	// duration. Until then, this replica acknowledges nothing that they do not know.
	l.term.Store(&term{l.at, l.seen[l.at].Add(l.duration), began.Add(l.duration)})
	l.seen = nil
	if before != nil {
		l.move(fmt.Errorf("the timeline changed from %s to %s", before.timeline, l.at), l.at)
	}
	return nil
}

// find connects to all hosts at once and keeps the first connection that confirms. A host that does not answer, or
// that can no longer commit, so does not delay the others.
func (l *lease) find(ctx context.Context) error {
	type result struct {
		conn     *pgconn.PgConn
		timeline string
		standbys string
		seen     time.Time
		err      error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan result)
	for _, host := range l.hosts {
		go func() {
			var r result
			host.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) (err error) {
				if r.timeline, r.standbys, err = timelineOf(ctx, conn); err != nil {
					return err
				}
				r.seen = l.now()
				return l.confirm(ctx, conn)
			}
			r.conn, r.err = pgconn.ConnectConfig(ctx, &host.Config)
			results <- r
		}()
	}
	var errs []error
	for range l.hosts {
		r := <-results
		if _, known := l.seen[r.timeline]; r.timeline != "" && !known {
			if l.seen == nil {
				l.seen = map[string]time.Time{}
			}
			l.seen[r.timeline] = r.seen
		}
		switch {
		case r.err != nil:
			errs = append(errs, r.err)
		case l.conn != nil:
			_ = r.conn.Close(ctx)
		default:
			l.conn, l.at = r.conn, r.timeline
			if r.standbys == "" {
				l.log.WarnContext(ctx, "synchronous_standby_names is empty, so a commit does not prove that the server is the primary")
			}
			cancel() // the others
		}
	}
	if l.conn != nil {
		return nil
	}
	// What standbys say matters only if there is nothing else.
	if primaries := slices.DeleteFunc(slices.Clone(errs), isWrongServer); len(primaries) > 0 {
		errs = primaries
	}
	return errors.Join(errs...)
}

// confirm commits a transaction that changes nothing. It has a message in the write-ahead log, because PostgreSQL does
// not wait for the standby if there is nothing to replicate.
func (l *lease) confirm(ctx context.Context, conn *pgconn.PgConn) error {
	delete(conn.CustomData(), warning)
	ctx, cancel := context.WithTimeoutCause(ctx, l.duration/2, errNoAnswer)
	defer cancel()
	_, err := conn.Exec(ctx, `SELECT pg_logical_emit_message(true, 'usher', '')`).ReadAll()
	switch text, warned := conn.CustomData()[warning]; {
	case err != nil && errors.Is(context.Cause(ctx), errNoAnswer):
		return fmt.Errorf("%w to a commit", errNoAnswer)
	case err != nil:
		return err
	case warned: // PostgreSQL reports success if an administrator cancels the wait for the standby
		return fmt.Errorf("a commit was not confirmed: %v", text)
	}
	return nil
}

// timelineOf returns the timeline of a server that accepts writes, and its setting of synchronous standbys.
func timelineOf(ctx context.Context, conn *pgconn.PgConn) (timeline, standbys string, err error) {
	if err := pgconn.ValidateConnectTargetSessionAttrsReadWrite(ctx, conn); err != nil {
		return "", "", err
	}
	results, err := conn.Exec(ctx, `SELECT left(pg_walfile_name(pg_current_wal_insert_lsn()), 8),
		current_setting('synchronous_standby_names')`).ReadAll()
	if err != nil {
		return "", "", err
	}
	row := results[0].Rows[0]
	return string(row[0]), string(row[1]), nil
}

// validate returns the timeline of a server if it is the one of the term. Otherwise, pgx tries the next host.
func (l *lease) validate(ctx context.Context, conn *pgconn.PgConn) (timeline string, err error) {
	if timeline, _, err = timelineOf(ctx, conn); err != nil {
		return "", err
	}
	if l.check(timeline) != nil {
		return "", errNoLease
	}
	return timeline, nil
}

// timeline returns the timeline of the term, or "".
func (l *lease) timeline() string {
	if t := l.term.Load(); t != nil {
		return t.timeline
	}
	return ""
}

// check returns an error unless a connection to a timeline may be used now: driver.ErrBadConn if it can never be used
// again.
func (l *lease) check(timeline string) error {
	t, now := l.term.Load(), l.now()
	switch {
	case t == nil || now.Before(t.from) || !now.Before(t.until):
		return errNoLease
	case t.timeline != timeline:
		return driver.ErrBadConn
	}
	return nil
}

// disconnect does not wait for the server, which may not answer.
func (l *lease) disconnect() {
	if l.conn != nil {
		_ = l.conn.Conn().Close()
		l.conn = nil
	}
}

// wait returns after a duration, or with an error when ctx ends.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
