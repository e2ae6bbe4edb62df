package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	"usher/internal/pgclient"
)

// RestoreOptions configure Restore. Now is required.
type RestoreOptions struct {
	Options
	// KeepMail keeps mails in the queue. Otherwise they are dropped: the server has sent most of them after the backup.
	KeepMail bool
	// EndSessions ends all sessions.
	EndSessions bool
	// Check is called with the restored database after its migration. If it fails, Restore fails.
	Check func(ctx context.Context, s *Store) error
}

// Restore restores a backup into the database at a URL, which must be empty, and migrates it. It refuses a backup of a
// newer release.
//
// An error leaves no SQLite file: it gets its name last. PostgreSQL restores all rows in one transaction. If something
// fails after it, the error says so.
func Restore(ctx context.Context, at string, backup *os.File, o RestoreOptions) error {
	kind, err := kindOf(backup)
	if err != nil {
		return err
	}
	path, isSQLite := strings.CutPrefix(at, "sqlite:")
	switch {
	case isSQLite != (kind == goose.DialectSQLite3):
		return fmt.Errorf("%s is a backup of %s, and the database of the settings is another kind; name one of the same kind with --database-url", backup.Name(), names[kind])
	case isSQLite:
		return restoreSQLite(ctx, path, backup, o)
	}
	s, err := Open(ctx, at, o.Options)
	if err != nil {
		return err
	}
	return errors.Join(s.restorePostgres(ctx, backup, o), s.Close())
}

var names = map[goose.Dialect]string{goose.DialectSQLite3: "SQLite", goose.DialectPostgres: "PostgreSQL"}

// magic is how the files of backups begin (https://www.sqlite.org/fileformat2.html#magic_header_string, and
// ReadHead in pg_backup_archiver.c of PostgreSQL).
var magic = map[goose.Dialect]string{goose.DialectSQLite3: "SQLite format 3\x00", goose.DialectPostgres: "PGDMP"}

// kindOf recognizes the kind of database that a backup is of.
func kindOf(backup *os.File) (goose.Dialect, error) {
	var start [16]byte
	n, err := backup.ReadAt(start[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	for kind, text := range magic {
		if bytes.HasPrefix(start[:n], []byte(text)) {
			return kind, nil
		}
	}
	return "", fmt.Errorf("%s is no backup: it is neither a SQLite database nor a dump in the custom format of pg_dump", backup.Name())
}

// checkVersion returns an error unless this program can migrate a backup.
func (s *Store) checkVersion(version int64) error {
	switch {
	case version == 0:
		return errors.New("the backup has no tables of Usher")
	case version > s.latest:
		return fmt.Errorf("the backup is of a newer release: its schema has version %d, and this program knows %d. Restore it with that release", version, s.latest)
	}
	return nil
}

// NotEmptyError means that a database to restore into is not empty.
type NotEmptyError struct{ what, remedy string }

func (e *NotEmptyError) Error() string {
	return e.what + ", and a restore replaces nothing. " + e.remedy
}

func (s *Store) restorePostgres(ctx context.Context, backup *os.File, o RestoreOptions) error {
	const doing = "look for tables"
	var found int
	// Tables of extensions, such as those for monitoring, do no harm.
	if err := s.reader.GetContext(ctx, &found, `
		SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f')
			AND relnamespace NOT IN (SELECT oid FROM pg_namespace WHERE nspname LIKE 'pg\_%' OR nspname = 'information_schema')
			AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')`); err != nil {
		return fault(ctx, doing, err)
	}
	config := &s.postgres.config
	if found > 0 {
		return &NotEmptyError{
			fmt.Sprintf("the database %q has %d tables", config.Database, found),
			"Create an empty database with createdb and name it with --database-url",
		}
	}
	server, database, err := s.client(ctx)
	if err != nil {
		return err
	}
	archive, err := pgclient.OpenArchive(ctx, backup, server)
	if err != nil {
		return err
	}
	rows, err := archive.Table(ctx, "goose_db_version")
	if err != nil {
		return err
	}
	version, err := newestVersion(rows)
	if err == nil {
		err = s.checkVersion(version)
	}
	if err == nil {
		err = archive.Restore(ctx, database)
	}
	if err != nil {
		return err
	}
	if err := s.finish(ctx, o); err != nil {
		return fmt.Errorf("all rows are restored, but the restore is not finished: %w. Drop the database %q, create it again and repeat the restore", err, config.Database)
	}
	return nil
}

// newestVersion returns the newest version in the rows of goose_db_version: id, version_id, is_applied, tstamp.
func newestVersion(rows []string) (newest int64, err error) {
	for _, row := range rows {
		columns := strings.Split(row, "\t")
		if len(columns) < 2 {
			return 0, errors.New("the versions of the backup cannot be read")
		}
		version, err := strconv.ParseInt(columns[1], 10, 64)
		if err != nil || version < 0 {
			return 0, errors.New("the versions of the backup cannot be read")
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// finish makes a restored database ready for servers.
func (s *Store) finish(ctx context.Context, o RestoreOptions) error {
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	const firstWithMail = 13
	if !o.KeepMail && version >= firstWithMail { // before the migration, so that no server sends them if that fails
		if _, err := s.exec(ctx, "drop mails", dropMails); err != nil {
			return err
		}
	}
	if o.EndSessions {
		if _, err := s.exec(ctx, "end all sessions", endAllSessions, timestamp(o.Now())); err != nil {
			return err
		}
	}
	if err := s.Migrate(ctx); err != nil {
		return err
	}
	if s.dialect == goose.DialectPostgres {
		if _, err := s.exec(ctx, "number audit events", numberEvents); err != nil {
			return err
		}
	}
	if o.Check == nil {
		return nil
	}
	return o.Check(ctx, s)
}

const (
	dropMails = `UPDATE mail_messages SET state = 'DROPPED', content = NULL, last_error = 'dropped when a backup was restored' WHERE state = 'QUEUED'`

	endAllSessions = `UPDATE sessions SET ended_at = $1 WHERE ended_at IS NULL AND expires_at > $1`

	// numberEvents lowers the numbers of transactions of another server, so that events of this one come after them in an
	// export. Their order stays, so an export can continue after an event of the backup. docs/audit-log.md has this text.
	numberEvents = `DO $$
DECLARE
    newest bigint := (SELECT max(txid) FROM audit_events);
    month  text;
BEGIN
    IF newest >= txid_snapshot_xmin(txid_current_snapshot()) THEN
        FOR month IN SELECT partition FROM audit_events_partitions() LOOP
            EXECUTE 'ALTER TABLE ' || month || ' DISABLE TRIGGER audit_events_append_only';
            EXECUTE 'UPDATE ' || month || ' SET txid = txid - $1' USING newest;
            EXECUTE 'ALTER TABLE ' || month || ' ENABLE TRIGGER audit_events_append_only';
        END LOOP;
    END IF;
END
$$`
)
