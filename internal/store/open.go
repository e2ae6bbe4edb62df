package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
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
)

// Options tune a Store. The zero value is fine.
type Options struct {
	// MaxConns limits the connections to PostgreSQL, and those that read from SQLite. They are
	// kept open when idle. Zero means twice the number of CPUs, and at least 8: enough that CPUs
	// and not connections are the limit, and few enough for a handful of replicas within
	// PostgreSQL's default of 100.
	MaxConns int
	// Log receives a line for each migration, and when the database server changes. Nil means
	// slog.Default.
	Log *slog.Logger
	// Now is the clock. Nil means time.Now.
	Now func() time.Time
}

// Open connects to the database at a URL: postgres://user:password@host/name, or sqlite:path. It
// does not migrate. Its errors never show a password.
//
// A path is taken as it is, without escapes. The file and the folders that lead to it are created
// when they are missing, for this user only.
//
// PostgreSQL's URL takes the parameters of libpq and of pgx. Behind PgBouncer in transaction mode it
// needs default_query_exec_mode=exec, since statements that are prepared once are lost there (not
// so from version 1.21 on with max_prepared_statements set). Migrate needs a session of its own, so
// run it past PgBouncer.
//
// Unless the URL sets target_session_attrs, it is read-write: of several hosts the one that accepts
// writes is used, and a server that does not is an unreachable one.
func Open(ctx context.Context, at string, o Options) (*Store, error) {
	if o.MaxConns <= 0 {
		o.MaxConns = max(8, 2*runtime.GOMAXPROCS(0))
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Store{log: o.Log}
	var err error
	if path, ok := strings.CutPrefix(at, "sqlite:"); ok {
		err = s.openSQLite(path, o.MaxConns)
	} else if strings.HasPrefix(at, "postgres://") || strings.HasPrefix(at, "postgresql://") {
		err = s.openPostgres(at, o)
	} else {
		err = errors.New("database URL: neither postgres://… nor sqlite:…")
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
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect makes the first connection that writes. Processes that open a new SQLite file together are in
// each other's way when it becomes one with a write-ahead log, for which SQLite does not wait by itself.
func (s *Store) connect(ctx context.Context) error {
	const tries, pause = 100, 50 * time.Millisecond
	for try := 1; ; try++ {
		err := fault(ctx, "open database", s.writer.PingContext(ctx))
		if s.dialect != goose.DialectSQLite3 || !errors.Is(err, auth.ErrUnavailable) || try == tries {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

const (
	connectTimeout = 10 * time.Second
	// maxConnAge lets connections spread over servers again after a fail-over, and the memory that
	// a long session piles up in the server go.
	maxConnAge = time.Hour
)

func (s *Store) openPostgres(at string, o Options) error {
	config, err := pgx.ParseConfig(at)
	// pgx masks what it takes for a password, which it cannot know in a URL that is malformed. An
	// "@" in another part means that the password has a "/", "?" or "#" and was cut there.
	if err != nil || strings.Contains(hosts(config)+config.Database, "@") {
		return errors.New("database URL: not of the form postgres://user:password@host:port/name?parameter=value; " +
			"special characters in the password must be percent-encoded")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "usher"
	}
	if !setsTarget(at, config, os.Getenv) {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	s.postgres = &connector{config: *config, now: o.Now, log: o.Log}
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

func (s *Store) openSQLite(path string, maxConns int) error {
	file, err := createFile(path)
	if err != nil {
		return fmt.Errorf("database file: %w", err)
	}
	if s.file, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("database file: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o077 != 0 {
		s.log.Warn("other users of this machine may read the database", "file", path, "mode", info.Mode().Perm().String())
	}
	// Every time that is written comes out as the text that timestamp reads. Whoever finds the file
	// locked by another process waits; that is in milliseconds.
	common := "?_time_format=sqlite&_pragma=busy_timeout(5000)"
	// A transaction takes the write lock when it begins, so that it never has to give up half-way
	// because another process wrote in between. FULL makes a commit reach the disk before it is
	// answered: without it a power cut could bring back the last sessions that were ended. Only
	// writes pay for that.
	s.writer, err = openPool(file+common+
		"&_txlock=immediate&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)", 1)
	if err != nil {
		return err
	}
	// A cached page takes 8 KiB of memory here, and the system keeps the file in memory too. The default,
	// four times as much, is no faster with thousands of users, and a tenth with a million.
	s.reader, err = openPool(file+common+"&_pragma=query_only(1)&_pragma=cache_size(-500)", maxConns)
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

// creating keeps one Store from opening a file that another one is about to close, see createFile.
var creating sync.Mutex

// createFile makes sure that there is a file at path, and returns its URI for SQLite. A new file
// is for this user only, and so are new folders; SQLite gives its log and its index the mode of
// the file. What is there already keeps its mode.
//
// An existing file is never opened: closing it would drop the locks that SQLite holds on it for
// this process (https://www.sqlite.org/howtocorrupt.html).
func createFile(path string) (uri string, err error) {
	switch {
	case path == "":
		return "", errors.New("no path; write sqlite:path")
	case strings.HasPrefix(path, ":memory:"):
		return "", errors.New("a database in memory is not supported; write sqlite:path")
	case strings.HasPrefix(path, "//") && !strings.HasPrefix(path, "///"):
		return "", errors.New("a path that begins with // leads to the root folder; write sqlite:path")
	}
	if path, err = filepath.Abs(path); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	creating.Lock()
	defer creating.Unlock()
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return "", err
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath(), nil
}
