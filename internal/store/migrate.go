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

// ErrMigrationsPending means that the database lacks migrations that this program needs.
var ErrMigrationsPending = errors.New("migrations pending")

// Ready returns nil if the database accepts writes and has every migration of this program. It returns
// ErrMigrationsPending if a migration is missing, and auth.ErrUnavailable if the database cannot be
// reached or accepts no writes. A newer database is ready: replicas of the next release have migrated it.
// Ready runs one query.
func (s *Store) Ready(ctx context.Context) error {
	current, err := s.writableVersion(ctx)
	if err == nil && current < s.latest {
		err = fmt.Errorf("%w: the database is at %d, this program at %d", ErrMigrationsPending, current, s.latest)
	}
	return err
}

// writableVersion returns the version of a database, or an error if the database accepts no writes.
func (s *Store) writableVersion(ctx context.Context) (int64, error) {
	const doing = "check that the database accepts writes"
	if s.dialect == goose.DialectSQLite3 {
		// A trial write would wait for other writers. This does not detect a full disk.
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

// Migrate applies all pending migrations. Several processes may call it at once. On PostgreSQL an advisory
// lock serializes them. On SQLite each migration is one transaction that only one process can commit.
func (s *Store) Migrate(ctx context.Context) error {
	for {
		before, err := s.version(ctx)
		if err != nil {
			return err
		}
		err = s.up(ctx)
		if err == nil {
			return s.afterMigration(ctx)
		}
		if s.dialect != goose.DialectSQLite3 {
			return err
		}
		// If the version has increased, another process applied the migration and caused this error.
		if after, versionErr := s.version(ctx); versionErr != nil || after <= before {
			return err
		}
	}
}

// afterMigration makes the partitions of the audit log, because the role that migrates owns the tables, and that of the
// server may not. The server's job warns of what is missing.
func (s *Store) afterMigration(ctx context.Context) error {
	err := s.PrepareEvents(ctx, s.now())
	if errors.Is(err, auth.ErrNotOwner) || errors.Is(err, auth.ErrMonthOccupied) {
		return nil
	}
	return err
}

func (s *Store) up(ctx context.Context) error {
	migrations, err := s.migrations()
	if err != nil {
		return err
	}
	applied, err := migrations.Up(ctx)
	if err != nil {
		return s.migrationError(fault(ctx, "migrate", err))
	}
	for _, m := range applied {
		s.observer.Log().InfoContext(ctx, "migrated database", slog.Int64("version", m.Source.Version), slog.Float64("duration_ms", float64(m.Duration.Microseconds())/1000))
	}
	return nil
}

// migrationError explains an error of a role that may not change the schema. A role of PostgreSQL 15 and newer may
// create tables only in a database that it owns.
func (s *Store) migrationError(err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) || refused.Code != insufficientPrivilege {
		return err
	}
	config := &s.postgres.config
	return &OpenError{
		Problem: fmt.Sprintf("PostgreSQL at %s does not let the role %q migrate the database %q: %s. Use the role that owns the database",
			addresses(config), config.User, config.Database, oneLine(refused.Message)),
		cause: err,
	}
}

// migrations returns a new provider. A provider that failed to create its table never retries.
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

// version returns the version of the newest applied migration, or 0 for an empty database.
func (s *Store) version(ctx context.Context) (int64, error) {
	var version int64
	err := s.reader.GetContext(ctx, &version, `SELECT COALESCE(max(version_id), 0) FROM goose_db_version`)
	if isMissingTable(err) {
		return 0, nil
	}
	return version, fault(ctx, "read version of database", err)
}

// isMissingTable recognizes an empty database. SQLite reports a missing table with the code for any SQL
// that cannot be prepared. The queries passed here have no other mistake.
func isMissingTable(err error) bool {
	var (
		postgres *pgconn.PgError
		lite     *sqlite.Error
	)
	return errors.As(err, &postgres) && postgres.Code == "42P01" || // undefined_table
		errors.As(err, &lite) && lite.Code() == sqlite3.SQLITE_ERROR
}
