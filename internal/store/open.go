package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"usher/internal/auth"
	"usher/internal/observe"
)

// Options configure a Store. The zero value is valid.
type Options struct {
	// MaxConns limits the connections to PostgreSQL, or the reading connections to SQLite. Idle
	// connections stay open. The default is twice GOMAXPROCS, and at least 8: with that many, CPUs and
	// not connections are the limit, and several replicas fit in PostgreSQL's default of 100.
	MaxConns int
	// CreateFolder creates the folder of a SQLite file if it is missing, accessible to this user only.
	CreateFolder bool
	// ReadURL is the URL of a standby that serves lists, or "". The database must be PostgreSQL.
	ReadURL string
	// Lease is how long PostgreSQL may be used after a commit that a synchronous standby confirmed. Open takes as long.
	// Zero means that no confirmation is needed.
	Lease time.Duration
	// Observer times the statements, and logs migrations and changes of the database server. Nil means that nothing
	// is observed.
	Observer *observe.Observer
	// Now is the clock. Nil means time.Now.
	Now func() time.Time

	readOnly bool // see OpenToInspect
}

// Open connects to the database at a URL: postgres://user:password@host/name or sqlite:path. It does not
// migrate. Its errors are one line and never contain a password. A database that cannot be opened is an
// OpenError, which wraps auth.ErrUnavailable if the database cannot be reached.
//
// A SQLite path is used literally, without escapes. Open creates a missing file, accessible to this user only.
//
// A PostgreSQL URL accepts the parameters of libpq and pgx. PgBouncer in transaction mode loses prepared
// statements, so it needs default_query_exec_mode=exec, or version 1.21 with max_prepared_statements set.
// Migrate needs a session of its own and cannot run through PgBouncer in transaction mode.
//
// target_session_attrs defaults to read-write: Open uses the host that accepts writes, and treats a
// server that accepts none as unreachable.
func Open(ctx context.Context, at string, o Options) (*Store, error) {
	if o.MaxConns <= 0 {
		o.MaxConns = max(8, 2*runtime.GOMAXPROCS(0))
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{observer: o.Observer, now: o.Now}
	var err error
	if path, ok := strings.CutPrefix(at, "sqlite:"); ok {
		if o.ReadURL != "" {
			return nil, errors.New("database read URL: SQLite has no standby. Use it with PostgreSQL only")
		}
		err = s.openSQLite(path, o)
	} else if strings.HasPrefix(at, "postgres://") || strings.HasPrefix(at, "postgresql://") {
		err = s.openPostgres(at, o)
	} else {
		err = errors.New("database URL: must be sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME")
	}
	if err != nil {
		return nil, err
	}
	migrations, err := s.migrations()
	if err == nil {
		sources := migrations.ListSources()
		s.latest = sources[len(sources)-1].Version
		err = s.connect(ctx)
	}
	if err == nil && s.standby != nil {
		err = s.standby.connect(ctx, s.writer)
	}
	if err != nil {
		_ = s.Close() // there is nothing to lose, and err says what is wrong
		return nil, err
	}
	return s, nil
}

// connect opens the first writing connection. If several processes open a new SQLite file at once, the
// switch to a write-ahead log can fail with SQLITE_BUSY, which busy_timeout does not cover. So it retries.
func (s *Store) connect(ctx context.Context) error {
	const tries, pause = 100, 50 * time.Millisecond
	if s.postgres != nil && s.postgres.lease != nil {
		if failed := s.postgres.lease.begin(ctx); failed != nil {
			return s.openError(ctx, failed, fault(ctx, "open database", failed))
		}
	}
	for try := 1; ; try++ {
		failed := s.writer.PingContext(ctx)
		err := fault(ctx, "open database", failed)
		if s.dialect != goose.DialectSQLite3 || !errors.Is(err, auth.ErrBusy) || try == tries {
			return s.openError(ctx, failed, err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// openError explains why the first connection failed: cause is what fault says of failed. The log gets all of it at
// level debug.
func (s *Store) openError(ctx context.Context, failed, cause error) error {
	if cause == nil || errors.Is(cause, context.Canceled) {
		return cause
	}
	s.observer.Log().DebugContext(ctx, "the database cannot be opened", slog.Any("err", cause))
	if s.postgres == nil {
		return &OpenError{Problem: fileProblem(s.file, failed), cause: cause}
	}
	problem, mayPass := postgresProblem(&s.postgres.config, failed)
	return &OpenError{Problem: problem, MayPass: mayPass, cause: cause}
}

const (
	connectTimeout = 10 * time.Second
	// maxConnAge limits the life of a connection. It rebalances connections over servers after a failover,
	// and frees the memory that a long session accumulates in the server.
	maxConnAge = time.Hour
)

// parsePostgres parses a URL. name is what errors call it.
func parsePostgres(name, at string) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(at)
	// The error of pgx is dropped: in a malformed URL, pgx may not recognize the password and so not mask
	// it. An "@" in another part means that the password contains an unescaped "/", "?" or "#".
	if err != nil || strings.Contains(hosts(config)+config.Database, "@") {
		return nil, errors.New(name + ": must have the form postgres://user:password@host:port/name?parameter=value. " +
			"Percent-encode special characters in the password")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "usher"
	}
	return config, nil
}

func (s *Store) openPostgres(at string, o Options) error {
	config, err := parsePostgres("database URL", at)
	if err == nil && o.ReadURL != "" {
		err = s.openStandby(o.ReadURL, o)
	}
	if err != nil {
		return err
	}
	if !setsTarget(at, config, os.Getenv) {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	s.postgres = &connector{config: *config, now: o.Now, log: o.Observer.Log()}
	if o.Lease > 0 {
		s.postgres.lease = newLease(o.Lease, s.postgres)
	}
	db := sqlx.NewDb(sql.OpenDB(s.postgres), "pgx")
	db.SetMaxOpenConns(o.MaxConns)
	db.SetMaxIdleConns(o.MaxConns)
	db.SetConnMaxLifetime(maxConnAge)
	s.dialect, s.rowLock, s.reader, s.writer = goose.DialectPostgres, postgresLock, db, db
	s.use(db, db)
	return nil
}

// hosts returns the names of all hosts in a URL.
func hosts(config *pgx.ConnConfig) string {
	names := []string{config.Host}
	for _, other := range config.Fallbacks {
		names = append(names, other.Host)
	}
	return strings.Join(names, ",")
}

func (s *Store) openSQLite(path string, o Options) error {
	if o.readOnly {
		return s.openSQLiteReadOnly(path, o)
	}
	file, err := createFile(path, o.CreateFolder)
	if err != nil {
		return err
	}
	if s.file, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("database file: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		s.observer.Log().Warn("other users of this machine can access the database file", "file", path, "mode", info.Mode().Perm().String())
	}
	// _time_format writes times in the format that timestamp reads. busy_timeout, in milliseconds, is how
	// long to wait for a lock that another process holds.
	common := "?_time_format=sqlite&_pragma=busy_timeout(5000)"
	// _txlock=immediate takes the write lock at the start of a transaction. Otherwise a transaction could
	// fail halfway because another process wrote in between. synchronous(FULL) syncs each commit to disk
	// before it returns. Otherwise a power failure could restore sessions that were just ended. Only
	// writes pay for that.
	s.writer, err = openPool(file+common+
		"&_txlock=immediate&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)", 1)
	if err != nil {
		return err
	}
	// A quarter of SQLite's default cache, per connection. A cached page takes 8 KiB of memory, and the
	// system caches the file anyway. The default is no faster with thousands of users, and a tenth faster
	// with a million.
	s.reader, err = openPool(file+common+"&_pragma=query_only(1)&_pragma=cache_size(-500)", o.MaxConns)
	s.dialect = goose.DialectSQLite3
	s.use(&statements{DB: s.reader}, s.writer)
	return err
}

func openPool(dsn string, maxConns int) (*sqlx.DB, error) {
	db, err := sqlx.Open("sqlite", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	return db, nil
}

// folderExists returns an error if the folder of a database file does not exist.
func folderExists(path string) error {
	if _, err := os.Stat(filepath.Dir(path)); errors.Is(err, fs.ErrNotExist) {
		return &OpenError{
			Problem: fmt.Sprintf("the folder %q of the database file does not exist. Create it with mkdir -p", filepath.Dir(path)),
			cause:   err,
		}
	}
	return nil
}

// creating prevents that one Store opens a file while createFile in another one still has to close it.
var creating sync.Mutex

// createFile creates the file at path if it is missing, and its folder if that is wanted. It returns the URI of the
// file for SQLite. New files and folders are accessible to this user only. SQLite gives its write-ahead log and shared memory the mode of
// the file. Existing files and folders keep their mode.
//
// It never opens an existing file: closing it would release the POSIX locks that SQLite holds in this
// process (https://www.sqlite.org/howtocorrupt.html, section 2.2).
func createFile(path string, folder bool) (uri string, err error) {
	switch {
	case path == "":
		return "", errors.New("database URL: the path is missing. Use sqlite:PATH")
	case strings.HasPrefix(path, ":memory:"):
		return "", errors.New("database URL: in-memory databases are not supported. Use sqlite:PATH")
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///"):
		return "", errors.New("database URL: a path cannot start with //. Use sqlite:PATH")
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", fmt.Errorf("database file: %w", err)
	}
	if folder {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return "", &OpenError{Problem: fileProblem(path, err), cause: err}
		}
	} else if err := folderExists(path); err != nil {
		return "", err
	}
	creating.Lock()
	defer creating.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return "", &OpenError{Problem: fileProblem(path, err), cause: err}
	}
	return fileURI(path), nil
}

// fileURI returns the URI of a file for SQLite.
func fileURI(path string) string { return "file:" + (&url.URL{Path: path}).EscapedPath() }
