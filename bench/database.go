package main

import (
	"context"
	"errors"
	"runtime"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	_ "modernc.org/sqlite"

	"usher/internal/store"
)

// The kinds of database, as in the names of figures.
const (
	onPostgres = "postgres"
	onSQLite   = "sqlite"
)

var kinds = []string{onPostgres, onSQLite}

// database creates a migrated database and returns its URL.
func (b *bench) database(ctx context.Context, kind string) (string, error) {
	if kind == onPostgres {
		return b.postgres.CreateDatabase(ctx, b.template)
	}
	at := "sqlite:" + b.file("usher.db")
	return at, migrate(ctx, at)
}

func migrate(ctx context.Context, at string) error {
	s, err := store.Open(ctx, at, store.Options{})
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(ctx), s.Close())
}

// maxConns is the program's default.
var maxConns = max(8, 2*runtime.GOMAXPROCS(0))

// openPools opens a database for the limit handlers with the same pools as the program: many readers and one
// writer for SQLite, and one pool for PostgreSQL.
func openPools(at string) (read, write *sqlx.DB, err error) {
	path, lite := strings.CutPrefix(at, "sqlite:")
	if !lite {
		config, err := pgx.ParseConfig(at)
		if err != nil {
			return nil, nil, errors.New("not the URL of a database") // the parser's error may contain a password
		}
		pool := limited(sqlx.NewDb(stdlib.OpenDB(*config), "pgx"), maxConns)
		return pool, pool, nil
	}
	const common = "?_time_format=sqlite&_pragma=busy_timeout(5000)"
	read, err1 := sqlx.Open("sqlite", "file:"+path+common+"&_pragma=query_only(1)")
	write, err2 := sqlx.Open("sqlite", "file:"+path+common+"&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err := errors.Join(err1, err2); err != nil {
		return nil, nil, err
	}
	return limited(read, maxConns), limited(write, 1), nil
}

func limited(pool *sqlx.DB, conns int) *sqlx.DB {
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	return pool
}

// databaseVersion returns the version of a kind of database.
func databaseVersion(ctx context.Context, at string) (version string, err error) {
	read, write, err := openPools(at)
	if err != nil {
		return "", err
	}
	query := `SHOW server_version`
	if strings.HasPrefix(at, "sqlite:") {
		query = `SELECT sqlite_version()`
	}
	err = read.GetContext(ctx, &version, query)
	version, _, _ = strings.Cut(version, " ") // without Debian's suffix
	return version, errors.Join(err, read.Close(), write.Close())
}
