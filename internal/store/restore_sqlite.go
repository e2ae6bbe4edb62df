package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/jmoiron/sqlx"

	"usher/internal/atomicfile"
)

// restoreSQLite restores into the file at a path. Everything happens in a temporary file beside it.
func restoreSQLite(ctx context.Context, path string, backup *os.File, o RestoreOptions) (err error) {
	if err := checkNoLog(backup.Name()); err != nil {
		return err
	}
	if o.CreateFolder {
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
	}
	if err := checkFree(path); err != nil {
		return err
	}
	copied, err := copyBeside(ctx, path, backup)
	if err != nil {
		return fmt.Errorf("copy the backup: %w", err)
	}
	defer func() {
		for _, suffix := range logSuffixes {
			_ = os.Remove(copied + suffix) // closed databases have none
		}
		_ = os.Remove(copied) // a restored database has its name by now
	}()
	if err := restoreCopy(ctx, copied, o); err != nil {
		return err
	}
	if err := checkFree(path); err != nil {
		return err
	}
	return atomicfile.Publish(copied, path, false)
}

// restoreCopy makes a copy of a backup ready for servers.
func restoreCopy(ctx context.Context, copied string, o RestoreOptions) error {
	s, err := Open(ctx, "sqlite:"+copied, o.Options)
	if failed, ok := errors.AsType[*OpenError](err); ok { // its text has the name of the copy
		return fmt.Errorf("the backup is damaged: %w", failed.cause)
	}
	if err != nil {
		return err
	}
	version, err := s.version(ctx)
	if err == nil {
		err = s.checkVersion(version)
	}
	if err == nil {
		err = s.checkIntegrity(ctx)
	}
	if err == nil {
		err = s.finish(ctx, o)
	}
	// The last connection to a database writes its log into the file.
	if err := errors.Join(err, s.Close()); err != nil {
		return err
	}
	return checkNoLog(copied)
}

// checkIntegrity checks the pages, the indexes and the foreign keys of a SQLite database.
func (s *Store) checkIntegrity(ctx context.Context) error {
	const doing = "check the integrity"
	var result string
	if err := sqlx.GetContext(ctx, s.reader, &result, `PRAGMA integrity_check(1)`); err != nil {
		return fault(ctx, doing, err)
	}
	if result != "ok" {
		return fmt.Errorf("the backup is damaged: %s", oneLine(result))
	}
	var broken int
	if err := sqlx.GetContext(ctx, s.reader, &broken, `SELECT count(*) FROM pragma_foreign_key_check`); err != nil {
		return fault(ctx, doing, err)
	}
	if broken > 0 {
		return fmt.Errorf("the backup is damaged: %d rows refer to missing ones", broken)
	}
	return nil
}

// logSuffixes are the suffixes of the files that belong to a SQLite database in use.
var logSuffixes = []string{"-wal", "-shm", "-journal"}

// checkNoLog returns an error if a database file has a log with further changes. A copy of the file alone would lose
// them.
func checkNoLog(file string) error {
	for _, suffix := range logSuffixes {
		if info, err := os.Stat(file + suffix); err == nil && info.Size() > 0 && suffix != "-shm" {
			return fmt.Errorf("%s has changes in %[1]s%s, so it is a database in use and not a backup. Copy it with usher backup", file, suffix)
		}
	}
	return nil
}

// checkFree returns an error if there is a database at a path. SQLite would also read a log that an earlier file has
// left, as if it were that of the new one (https://www.sqlite.org/howtocorrupt.html, section 1.4).
func checkFree(path string) error {
	for _, suffix := range append([]string{""}, logSuffixes...) {
		_, err := os.Stat(path + suffix)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		return &NotEmptyError{
			fmt.Sprintf("the file %q exists", path+suffix),
			"Stop the servers and move it away, also those with -wal and -shm, or name another database with --database-url",
		}
	}
	return nil
}

// copyBeside copies a backup to a new file in the folder of path, accessible to this user only.
func copyBeside(ctx context.Context, path string, backup *os.File) (name string, err error) {
	copied, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*.tmp")
	if err != nil {
		return "", err
	}
	if _, err = backup.Seek(0, io.SeekStart); err == nil {
		_, err = io.Copy(copied, &reader{ctx, backup})
	}
	if err = errors.Join(err, copied.Close()); err != nil {
		return "", errors.Join(err, os.Remove(copied.Name()))
	}
	return copied.Name(), nil
}

// reader reads until ctx ends.
type reader struct {
	ctx context.Context //nolint:containedctx // io.Copy has no other way to stop.
	r   io.Reader
}

func (r *reader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
