package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"log/slog"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	// checkInterval is the maximum time between two checks that the server of a connection accepts
	// writes. A former primary can serve stale rows for no longer than that.
	checkInterval = time.Second
	// checkTimeout limits one check, so that a hanging server does not use up the request's deadline.
	checkTimeout = 2 * time.Second
)

// connector opens connections to the PostgreSQL server that accepts writes. After a failover, connections
// to the old server may stay open, and reads on them return stale rows. Therefore:
//
//   - A connection is checked when it is opened, and before use if its last check is at least
//     checkInterval old.
//   - If the server of one connection is no longer the primary, is shutting down or does not answer,
//     all connections opened before are discarded.
//
// The check is one statement in the simple protocol. It leaves no state in the session, so it also
// works behind PgBouncer in transaction mode.
type connector struct {
	config pgx.ConnConfig
	now    func() time.Time
	log    *slog.Logger
	lease  *lease // nil if there is none

	mu    sync.Mutex // guards open, and writes of epoch and used
	open  map[*conn]struct{}
	epoch atomic.Int64 // incremented to replace all connections
	used  bool         // whether a connection was opened in this epoch
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	epoch, now := c.epoch.Load(), c.now() // read first: the server may change while Connect runs
	config := c.config
	config.OnPgError = func(conn *pgconn.PgConn, err *pgconn.PgError) bool {
		if meansLeave(err) {
			c.leave(epoch, err)
			return false
		}
		return c.config.OnPgError(conn, err)
	}
	var timeline string
	if c.lease != nil {
		if err := c.lease.check(c.lease.timeline()); err != nil {
			return nil, err
		}
		config.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) (err error) {
			timeline, err = c.lease.validate(ctx, conn)
			return err
		}
	}
	opened, err := stdlib.GetConnector(config, stdlib.OptionShouldPing(noPing)).Connect(ctx)
	if err != nil {
		// The server is starting up or shutting down. OnPgError also gets this error, but for each host
		// separately, where it says nothing about connections to another host. Here all hosts have failed.
		if refused := new(pgconn.PgError); errors.As(err, &refused) && refused.Code == "57P03" { // cannot_connect_now
			c.leave(epoch, err)
		}
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.used = c.used || c.epoch.Load() == epoch
	made := &conn{Conn: opened.(*stdlib.Conn), connector: c, epoch: epoch, timeline: timeline, checked: now}
	if c.open == nil {
		c.open = map[*conn]struct{}{}
	}
	c.open[made] = struct{}{}
	return made, nil
}

// abandon ends what runs on connections to other timelines. Commits there wait for a standby that was promoted, and
// would occupy the pool until their requests time out.
func (c *connector) abandon(timeline string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for one := range c.open {
		if one.timeline != timeline {
			_ = one.Conn.Conn().PgConn().Conn().Close()
		}
	}
}

// noPing disables the driver's ping: conn.ResetSession checks the server.
func noPing(context.Context, stdlib.ShouldPingParams) bool { return false }

// meansLeave reports whether err shows that the server is no longer a primary in operation.
func meansLeave(err *pgconn.PgError) bool {
	switch err.Code {
	case "25006", // read_only_sql_transaction
		"57P01", // admin_shutdown
		"57P02": // crash_shutdown
		return true
	}
	return false
}

// leave makes the pool discard the connections of an epoch and of earlier ones, each when it is next
// used or returned. It does nothing if the epoch is over, or if it has no connections yet: otherwise every
// attempt to connect to a server that is starting up would log a change.
func (c *connector) leave(epoch int64, cause error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.epoch.Load() != epoch || !c.used {
		return
	}
	c.epoch.Store(epoch + 1)
	c.used = false
	c.log.Warn("the database server changed; replacing all connections", slog.Any("cause", cause))
}

// errNoAnswer is the result of a check that took checkTimeout. The caller's context may still be valid.
var errNoAnswer = errors.New("the database server does not answer")

// check verifies that the server of a connection still matches target_session_attrs.
func (c *connector) check(ctx context.Context, conn *pgconn.PgConn) error {
	ctx, cancel := context.WithTimeoutCause(ctx, checkTimeout, errNoAnswer)
	defer cancel()
	var err error
	if c.config.ValidateConnect == nil { // target_session_attrs=any
		err = conn.Ping(ctx)
	} else {
		err = c.config.ValidateConnect(ctx, conn)
	}
	switch {
	case errors.As(err, new(*pgconn.NotPreferredError)):
		return nil
	case err != nil && errors.Is(context.Cause(ctx), errNoAnswer):
		return errNoAnswer
	}
	return err
}

// conn is a connection that reports itself invalid once the connector has left its epoch.
type conn struct {
	*stdlib.Conn

	connector *connector
	epoch     int64     // the connector's epoch when the connection was opened
	timeline  string    // of the server, if there is a lease
	checked   time.Time // the start of the last successful check
	used      bool
}

// Close implements driver.Conn.
func (c *conn) Close() error {
	c.connector.mu.Lock()
	delete(c.connector.open, c)
	c.connector.mu.Unlock()
	return c.Conn.Close()
}

// IsValid implements driver.Validator. database/sql calls it when a connection returns to the pool.
func (c *conn) IsValid() bool { return c.epoch == c.connector.epoch.Load() }

// ResetSession implements driver.SessionResetter. database/sql calls it before it reuses a connection,
// and takes another one after ErrBadConn.
func (c *conn) ResetSession(ctx context.Context) error {
	c.used = true
	if !c.IsValid() {
		return driver.ErrBadConn
	}
	if err := c.Conn.ResetSession(ctx); err != nil {
		return err
	}
	now := c.connector.now()
	if now.Sub(c.checked) < checkInterval {
		return nil
	}
	if err := c.connector.check(ctx, c.Conn.Conn().PgConn()); err != nil {
		// errNoAnswer discards the other connections too. Otherwise database/sql would try a second idle
		// connection and wait for checkTimeout again.
		if isWrongServer(err) || errors.Is(err, errNoAnswer) {
			c.connector.leave(c.epoch, err)
		}
		return driver.ErrBadConn
	}
	c.checked = now
	return nil
}

// beforeUse checks the lease. Before the first use of a connection it also calls ResetSession. database/sql does not,
// although a new connection may have been idle for long if the request it was opened for was cancelled.
func (c *conn) beforeUse(ctx context.Context) error {
	if c.connector.lease != nil {
		if err := c.connector.lease.check(c.timeline); err != nil {
			return err
		}
	}
	if c.used {
		return nil
	}
	return c.ResetSession(ctx)
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.beforeUse(ctx); err != nil {
		return nil, err
	}
	return c.Conn.ExecContext(ctx, query, args)
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.beforeUse(ctx); err != nil {
		return nil, err
	}
	return c.Conn.QueryContext(ctx, query, args)
}

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.beforeUse(ctx); err != nil {
		return nil, err
	}
	return c.Conn.BeginTx(ctx, options)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.beforeUse(ctx); err != nil {
		return nil, err
	}
	return c.Conn.PrepareContext(ctx, query)
}

// isWrongServer reports whether a server answered a check that is not the primary, or not a standby that follows it.
func isWrongServer(err error) bool {
	return errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrStandbyConnection) ||
		errors.Is(err, errLag) || errors.Is(err, errOtherCluster)
}

var targetSessionAttrs = regexp.MustCompile(`[?&]target_session_attrs=`)

// setsTarget reports whether the URL or the environment sets target_session_attrs. The parsed config alone
// does not tell: pgx has no ValidateConnect for "any".
func setsTarget(url string, config *pgx.ConnConfig, getenv func(string) string) bool {
	return config.ValidateConnect != nil || targetSessionAttrs.MatchString(url) || getenv("PGTARGETSESSIONATTRS") != ""
}
