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
	// checkInterval limits how long a connection is used without asking its server whether it still
	// accepts writes. No answer comes from a server that stopped being the primary longer ago than that.
	checkInterval = time.Second
	// checkTimeout limits the wait for that answer. A server that hangs must not cost a request all of
	// its time.
	checkTimeout = 2 * time.Second
)

// connector opens connections to the PostgreSQL server that accepts writes. A fail-over leaves the
// connections to the old server open, where reads succeed and return old rows. So
//
//   - a connection is checked when it is opened, and again before use when the last check is
//     checkInterval ago;
//   - when one connection shows that its server is not the primary any more, is shutting down or does not
//     answer, none that was opened before is used again.
//
// The check is one statement in the simple protocol. It leaves nothing in the session, so it also
// works behind PgBouncer in transaction mode.
type connector struct {
	config pgx.ConnConfig
	now    func() time.Time
	log    *slog.Logger

	mu    sync.Mutex   // held to write what follows
	epoch atomic.Int64 // goes up when all connections are to be replaced
	used  bool         // a connection was opened in this epoch
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// Connect implements driver.Connector.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	epoch, now := c.epoch.Load(), c.now() // as of before: the server may change in the meantime
	config := c.config
	config.OnPgError = func(conn *pgconn.PgConn, err *pgconn.PgError) bool {
		if meansLeave(err) {
			c.leave(epoch, err)
			return false
		}
		return c.config.OnPgError(conn, err)
	}
	opened, err := stdlib.GetConnector(config, stdlib.OptionShouldPing(noPing)).Connect(ctx)
	if err != nil {
		// A server that is starting up or shutting down. OnPgError sees that of each host in turn,
		// where it says nothing about connections to another host. Here no host is left.
		if refused := new(pgconn.PgError); errors.As(err, &refused) && refused.Code == "57P03" { // cannot_connect_now
			c.leave(epoch, err)
		}
		return nil, err
	}
	c.mu.Lock()
	c.used = c.used || c.epoch.Load() == epoch
	c.mu.Unlock()
	return &conn{Conn: opened.(*stdlib.Conn), connector: c, epoch: epoch, checked: now}, nil
}

// noPing leaves it to conn.ResetSession to ask the server.
func noPing(context.Context, stdlib.ShouldPingParams) bool { return false }

// meansLeave reports whether a server that answers err is not the one to ask any more.
func meansLeave(err *pgconn.PgError) bool {
	switch err.Code {
	case "25006", // read_only_sql_transaction
		"57P01", // admin_shutdown
		"57P02": // crash_shutdown
		return true
	}
	return false
}

// leave makes the pool drop the connections of an epoch and of earlier ones, each when it is next
// used or returned. A fault of a connection that is to be dropped anyway changes nothing, and neither
// does one in an epoch that has no connections: each attempt to reach a server that is starting up has one.
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

// errNoAnswer is the result of a check that took checkTimeout. The caller still waits.
var errNoAnswer = errors.New("the database server does not answer")

// check asks whether the server of a connection is still of the kind that the URL asks for.
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

// conn is a connection that knows when it is out of date.
type conn struct {
	*stdlib.Conn

	connector *connector
	epoch     int64     // of the connector when this one was opened
	checked   time.Time // when the last successful check began
	used      bool
}

// IsValid implements driver.Validator: database/sql asks when a connection returns to the pool.
func (c *conn) IsValid() bool { return c.epoch == c.connector.epoch.Load() }

// ResetSession implements driver.SessionResetter: database/sql calls it before it uses a connection
// again, and takes another one after ErrBadConn.
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
		// After errNoAnswer too: database/sql tries a second idle connection, and it would wait as long for that one.
		if isWrongServer(err) || errors.Is(err, errNoAnswer) {
			c.connector.leave(c.epoch, err)
		}
		return driver.ErrBadConn
	}
	c.checked = now
	return nil
}

// beforeFirstUse does what ResetSession does. database/sql does not call that on a connection that was
// never used, although it may have been idle for long: its caller may have given up.
func (c *conn) beforeFirstUse(ctx context.Context) error {
	if c.used {
		return nil
	}
	return c.ResetSession(ctx)
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.beforeFirstUse(ctx); err != nil {
		return nil, err
	}
	return c.Conn.ExecContext(ctx, query, args)
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.beforeFirstUse(ctx); err != nil {
		return nil, err
	}
	return c.Conn.QueryContext(ctx, query, args)
}

// BeginTx implements driver.ConnBeginTx.
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.beforeFirstUse(ctx); err != nil {
		return nil, err
	}
	return c.Conn.BeginTx(ctx, options)
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.beforeFirstUse(ctx); err != nil {
		return nil, err
	}
	return c.Conn.PrepareContext(ctx, query)
}

// isWrongServer reports whether a check was answered, and not by the primary.
func isWrongServer(err error) bool {
	return errors.Is(err, pgconn.ErrReadOnlyConnection) || errors.Is(err, pgconn.ErrStandbyConnection)
}

var targetSessionAttrs = regexp.MustCompile(`[?&]target_session_attrs=`)

// setsTarget reports whether the URL or the environment says which kind of server to connect to.
// What pgx parsed does not: it has no value for "any".
func setsTarget(url string, config *pgx.ConnConfig, getenv func(string) string) bool {
	return config.ValidateConnect != nil || targetSessionAttrs.MatchString(url) || getenv("PGTARGETSESSIONATTRS") != ""
}
