package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"

	"modernc.org/sqlite"

	"usher/internal/pgclient"
)

// ErrEmpty means that a database has no tables of Usher.
var ErrEmpty = errors.New("the database is empty")

// Backup writes a copy of the database to f, which must be an empty file: a SQLite database, or a dump in the custom
// format of pg_dump. The copy has everything that was committed before Backup was called, and nothing of a transaction
// that was not committed. Others can read and write meanwhile.
func (s *Store) Backup(ctx context.Context, f *os.File) error {
	if version, err := s.version(ctx); err != nil {
		return err
	} else if version == 0 {
		return ErrEmpty
	}
	if s.postgres == nil {
		return fault(ctx, "copy the database", s.copyTo(ctx, f.Name()))
	}
	server, database, err := s.client(ctx)
	if err != nil {
		return err
	}
	return pgclient.Dump(ctx, database, server, f)
}

// client returns the major version of PostgreSQL, and the database for its client programs.
func (s *Store) client(ctx context.Context) (server int, _ *pgclient.Database, err error) {
	if err := s.reader.GetContext(ctx, &server, `SELECT current_setting('server_version_num')`); err != nil {
		return 0, nil, fault(ctx, "read version of PostgreSQL", err)
	}
	config := &s.postgres.config
	database, err := pgclient.NewDatabase(config.ConnString(), config.Password)
	return server / 10_000, database, err
}

// stepPages is how many pages are copied between two checks whether to stop. It is 4 MiB.
const stepPages = 1024

// copyTo copies the SQLite database into the file at a path.
//
// It uses the backup interface of SQLite (https://www.sqlite.org/backup.html), which starts again whenever another
// connection writes between two steps. Therefore it copies inside of a read transaction: with a write-ahead log, all
// steps then read the same snapshot, and writers do not wait. VACUUM INTO reads a snapshot too, but it builds each
// B-tree again, which takes twice the processor time.
func (s *Store) copyTo(ctx context.Context, path string) (err error) {
	conn, err := s.reader.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // it has changed nothing
	var tables int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_schema`).Scan(&tables); err != nil { // begins the snapshot
		return err
	}
	return conn.Raw(func(c any) error {
		// The caller syncs the file. Until then it needs no journal.
		backup, err := c.(backuper).NewBackup("file:" + (&url.URL{Path: path}).EscapedPath() + "?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)")
		if err != nil {
			return err
		}
		for more := true; more; {
			if more, err = backup.Step(stepPages); err == nil {
				err = ctx.Err()
			}
			if err != nil {
				return errors.Join(err, backup.Finish())
			}
		}
		copied, err := backup.Commit()
		if err != nil {
			return err
		}
		// The pages say that there is a write-ahead log. A copy without one is a single file, also for those who open it.
		return errors.Join(withoutLog(ctx, copied), copied.Close())
	})
}

// backuper is a connection of the driver.
type backuper interface {
	NewBackup(at string) (*sqlite.Backup, error)
}

func withoutLog(ctx context.Context, c driver.Conn) error {
	rows, err := c.(driver.QueryerContext).QueryContext(ctx, `PRAGMA journal_mode = DELETE`, nil)
	if err != nil {
		return err
	}
	mode := make([]driver.Value, 1)
	if err := errors.Join(rows.Next(mode), rows.Close()); err != nil {
		return err
	}
	if mode[0] != "delete" {
		return fmt.Errorf("the copy has the journal mode %v", mode[0])
	}
	return nil
}
