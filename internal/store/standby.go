package store

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jmoiron/sqlx"

	"usher/internal/auth"
)

const (
	// defaultMaxLag is how far a standby may be behind the primary. Lists come from the primary while it is further behind.
	defaultMaxLag = 10 * time.Second
	// standbyTimeout limits a list on the standby, so that a hanging standby leaves time to ask the primary.
	standbyTimeout = 5 * time.Second
	// standbyPause is how long the primary answers after a failure of the standby.
	standbyPause = 10 * time.Second
)

var (
	errOtherCluster = errors.New("not a standby of the database")
	errLag          = errors.New("too far behind the primary, or cut off from it")
)

// standby reads lists from a standby of the primary. Lists may be a little old; everything that decides what a caller
// may do is read from the primary.
type standby struct {
	db     *sqlx.DB
	target target
	now    func() time.Time
	log    *slog.Logger
	// primary identifies the primary's cluster and database. It is "" if the role may not read it.
	primary string
	maxLag  time.Duration
	// retryAt is when to ask the standby again, in Unix nanoseconds. It is 0 while the standby answers.
	retryAt atomic.Int64
}

func (s *Store) openStandby(at string, o Options) error {
	config, err := parsePostgres("database read URL", at)
	if err != nil {
		return err
	}
	config.ConnectTimeout = min(config.ConnectTimeout, checkTimeout)
	sb := &standby{maxLag: defaultMaxLag, now: o.Now, log: o.Observer.Log()}
	wanted := config.ValidateConnect // by target_session_attrs
	config.ValidateConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		if wanted != nil {
			if err := wanted(ctx, conn); err != nil {
				return err
			}
		}
		return sb.validate(ctx, conn)
	}
	sb.db = sqlx.NewDb(sql.OpenDB(&connector{config: *config, now: o.Now, log: o.Observer.Log()}), "pgx")
	sb.db.SetMaxOpenConns(o.MaxConns)
	sb.db.SetMaxIdleConns(o.MaxConns)
	sb.db.SetConnMaxLifetime(maxConnAge)
	sb.target = target{sb.db, s.observer}
	s.standby = sb
	return nil
}

// identity is an expression for the cluster, which a standby shares with its primary, and the database. It changes
// if the URL leads to another installation.
const identity = `(SELECT system_identifier FROM pg_control_system()) || '/' ||
	(SELECT oid FROM pg_database WHERE datname = current_database())`

// connect reads what identifies the primary and opens the first connection to the standby. A standby that does not
// answer is no error: the primary serves its lists meanwhile.
func (sb *standby) connect(ctx context.Context, primary *sqlx.DB) error {
	var refused *pgconn.PgError
	err := primary.GetContext(ctx, &sb.primary, `SELECT `+identity)
	if unknown := errors.As(err, &refused) && refused.Code == insufficientPrivilege; err != nil && !unknown {
		return fault(ctx, "identify the database", err)
	}
	err = sb.db.PingContext(ctx)
	if errors.Is(err, errOtherCluster) {
		return &OpenError{Problem: "the database of --database-read-url is not a standby of the database", cause: err}
	}
	if err != nil {
		sb.leave(ctx, err)
	}
	return nil
}

// behind is 0 on a primary and on a standby that has replayed all it has received. Otherwise it is the age of what the
// standby has replayed last, in seconds. It is NULL while the standby receives nothing.
const behind = `CASE
	WHEN NOT pg_is_in_recovery() THEN 0
	WHEN NOT EXISTS (SELECT FROM pg_stat_wal_receiver) THEN NULL
	WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
	ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END`

// validate is the check of each connection to the standby: that it belongs to the primary, and follows it.
func (sb *standby) validate(ctx context.Context, conn *pgconn.PgConn) error {
	which := identity
	if sb.primary == "" {
		which = `''`
	}
	results, err := conn.Exec(ctx, `SELECT `+which+`, `+behind).ReadAll()
	if err != nil {
		return err
	}
	row := results[0].Rows[0]
	if string(row[0]) != sb.primary {
		return errOtherCluster
	}
	if seconds, err := strconv.ParseFloat(string(row[1]), 64); err != nil || seconds > sb.maxLag.Seconds() {
		return errLag
	}
	return nil
}

// fit reports whether to ask the standby.
func (sb *standby) fit() bool {
	return sb != nil && sb.now().UnixNano() >= sb.retryAt.Load()
}

// leave makes the primary serve lists for standbyPause. The first failure is logged, and so is the recovery.
func (sb *standby) leave(ctx context.Context, cause error) {
	if sb.retryAt.Swap(sb.now().Add(standbyPause).UnixNano()) == 0 {
		sb.log.WarnContext(ctx, "the standby does not answer; reading lists from the primary", slog.Any("cause", oneLine(cause.Error())))
	}
}

func (sb *standby) answered(ctx context.Context) {
	if sb.retryAt.Load() != 0 && sb.retryAt.Swap(0) != 0 {
		sb.log.InfoContext(ctx, "reading lists from the standby again")
	}
}

// fromStandby runs a query of a list on the standby, or on the primary if there is no standby or it fails. Inside a
// transaction there is none. read must replace what it has read when it runs again.
func (s *Store) fromStandby(ctx context.Context, read func(ctx context.Context, from target) error) error {
	if !s.standby.fit() {
		return read(ctx, s.read)
	}
	limited, cancel := context.WithTimeout(ctx, standbyTimeout)
	defer cancel()
	err := read(limited, s.standby.target)
	if err == nil || errors.Is(err, auth.ErrNotFound) {
		s.standby.answered(ctx)
		return err
	}
	if ctx.Err() != nil {
		return err
	}
	s.standby.leave(ctx, err)
	return read(ctx, s.read)
}

// close closes the connections.
func (sb *standby) close() error {
	if sb == nil {
		return nil
	}
	return sb.db.Close()
}
