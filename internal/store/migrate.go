package store

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"usher/internal/auth"
)

//go:embed migrations/*/*.sql
var migrationFiles embed.FS

// ErrMigrationsPending says that the database lacks migrations that this program needs.
var ErrMigrationsPending = errors.New("migrations pending")

// Ready returns nil when the database accepts writes and has every migration this program knows,
// ErrMigrationsPending when it lacks one, and auth.ErrUnavailable when it cannot be reached or
// accepts no writes. A database that is ahead is fine: it has been migrated by the replicas of the
// next release. Ready costs one query.
func (s *Store) Ready(ctx context.Context) error {
	current, err := s.writableVersion(ctx)
	if err == nil && current < s.latest {
		err = fmt.Errorf("%w: the database is at %d, this program at %d", ErrMigrationsPending, current, s.latest)
	}
	return err
}

// writableVersion is version of a database that accepts writes.
func (s *Store) writableVersion(ctx context.Context) (int64, error) {
	const doing = "check that the database accepts writes"
	if s.dialect == goose.DialectSQLite3 {
		// Trying a write would queue behind others. A full disk is not noticed here.
		if err := writable(s.file); err != nil {
			return 0, fmt.Errorf("%s: %w: %w", doing, auth.ErrUnavailable, err)
		}
		return s.version(ctx)
	}
	epoch := s.postgres.epoch.Load()
	var found struct {
		Version  int64
		ReadOnly bool `db:"read_only"`
	}
	err := s.reader.GetContext(ctx, &found, `
		SELECT COALESCE(max(version_id), 0) AS version,
			pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' AS read_only
		FROM goose_db_version`)
	if isMissingTable(err) {
		return 0, nil
	}
	if err == nil && found.ReadOnly {
		err = fmt.Errorf("%w: %w", auth.ErrUnavailable, pgconn.ErrReadOnlyConnection)
		s.postgres.leave(epoch, err)
	}
	return found.Version, fault(ctx, doing, err)
}

// Migrate brings the database up to date. Several processes may do so at once: on PostgreSQL they
// take turns; on SQLite each migration is one transaction that only one of them can commit.
func (s *Store) Migrate(ctx context.Context) error {
	for {
		before, err := s.version(ctx)
		if err != nil {
			return err
		}
		err = s.up(ctx)
		if err == nil || s.dialect != goose.DialectSQLite3 {
			return err
		}
		// If another process was first, its success is the reason for this error.
		if after, versionErr := s.version(ctx); versionErr != nil || after <= before {
			return err
		}
	}
}

func (s *Store) up(ctx context.Context) error {
	migrations, err := s.migrations()
	if err != nil {
		return err
	}
	applied, err := migrations.Up(ctx)
	if err != nil {
		return fault(ctx, "migrate", err)
	}
	for _, m := range applied {
		s.log.InfoContext(ctx, "migrated database", slog.Int64("version", m.Source.Version), slog.Float64("duration_ms", float64(m.Duration.Microseconds())/1000))
	}
	return nil
}

// migrations returns a new provider, since one that failed to create its table never tries again.
func (s *Store) migrations() (*goose.Provider, error) {
	folder, options := "migrations/sqlite", []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if s.dialect == goose.DialectPostgres {
		// Ask for the lock every second, for ten minutes.
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 600))
		if err != nil {
			return nil, err
		}
		folder, options = "migrations/postgres", append(options, goose.WithSessionLocker(locker))
	}
	files, err := fs.Sub(migrationFiles, folder)
	if err != nil {
		return nil, err
	}
	return goose.NewProvider(s.dialect, s.writer.DB, files, options...)
}

// version returns the number of the newest migration that the database has, 0 when it has none.
func (s *Store) version(ctx context.Context) (int64, error) {
	var version int64
	err := s.reader.GetContext(ctx, &version, `SELECT COALESCE(max(version_id), 0) FROM goose_db_version`)
	if isMissingTable(err) {
		return 0, nil
	}
	return version, fault(ctx, "read version of database", err)
}

// isMissingTable recognises an empty database. SQLite has no code of its own for a missing table,
// only the one for SQL that cannot be prepared; the query of version is correct otherwise.
func isMissingTable(err error) bool {
	var (
		postgres *pgconn.PgError
		lite     *sqlite.Error
	)
	return errors.As(err, &postgres) && postgres.Code == "42P01" || // undefined_table
		errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_ERROR
}
