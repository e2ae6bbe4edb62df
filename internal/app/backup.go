package app

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"usher/internal/atomicfile"
	"usher/internal/config"
	"usher/internal/keyring"
	"usher/internal/observe"
	"usher/internal/seal"
	"usher/internal/store"
)

// Backup writes a backup of the database to a file that only this user can read, and returns its SHA-256 digest in
// hexadecimal. The file appears when it is complete. Backup replaces an existing file only with force.
func Backup(ctx context.Context, database config.Database, file string, force bool, log *slog.Logger) (digest string, err error) {
	if _, err := os.Lstat(file); err == nil && !force { // also checked at the end
		return "", fmt.Errorf("the file %q exists; choose another name, or replace it with --force", file)
	}
	if isDatabase(database, file) {
		return "", fmt.Errorf("%q is the database itself; choose another name", file)
	}
	err = backup(ctx, database, filepath.Dir(file), filepath.Base(file), log, func(copied *os.File) error {
		if digest, err = digestOf(copied); err != nil {
			return err
		}
		err := atomicfile.Publish(copied.Name(), file, force)
		if errors.Is(err, fs.ErrExist) {
			err = fmt.Errorf("another process has created the file %q meanwhile", file)
		}
		return err
	})
	return digest, err
}

// isDatabase reports whether a file is the SQLite database. Servers would go on writing to the file that a backup
// replaces.
func isDatabase(database config.Database, file string) bool {
	path, isSQLite := database.URL.File()
	used, err := os.Stat(path)
	found, missing := os.Stat(file)
	return isSQLite && err == nil && missing == nil && os.SameFile(used, found)
}

// BackupTo writes a backup of the database to w.
func BackupTo(ctx context.Context, database config.Database, w io.Writer, log *slog.Logger) error {
	return backup(ctx, database, os.TempDir(), "usher", log, func(copied *os.File) error {
		// The reader of a pipe may keep this process waiting, and end it with SIGPIPE. Without a name, nothing stays on
		// disk then. Windows does not remove open files; there the name goes at the end.
		_ = os.Remove(copied.Name())
		_, err := io.Copy(w, copied)
		return err
	})
}

// backup calls use with a backup in a temporary file of a folder, at its beginning. The database is closed by then, so
// that nothing can fail after use.
func backup(ctx context.Context, database config.Database, folder, name string, log *slog.Logger, use func(*os.File) error) error {
	if err := mustExist(database); err != nil {
		return err
	}
	database.ReadURL = "" // not needed
	db, err := openStore(ctx, database, store.Options{Observer: observe.New(observe.Options{Log: log})})
	if err != nil {
		return err
	}
	copied, err := os.CreateTemp(folder, name+".*.tmp") // with mode 0600
	if errors.Is(err, fs.ErrNotExist) {
		return errors.Join(fmt.Errorf("the folder %q does not exist. Create it with mkdir -p", folder), db.Close())
	}
	if err != nil {
		return errors.Join(err, db.Close())
	}
	defer func() {
		_ = copied.Close() // atomicfile.Publish has synced it
		_ = os.Remove(copied.Name())
	}()
	if err := errors.Join(db.Backup(ctx, copied), db.Close()); err != nil {
		return err
	}
	if _, err := copied.Seek(0, io.SeekStart); err != nil {
		return err
	}
	return use(copied)
}

func digestOf(r io.Reader) (string, error) {
	hash := sha256.New()
	if _, err := io.Copy(hash, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}

// RestoreOptions configure Restore.
type RestoreOptions struct {
	// Verify checks the restored database. With HS256 there are no keys to check.
	Verify bool
	// Secrets are the server's secrets. They are needed only for Verify.
	Secrets               *seal.Secrets
	Keys                  config.Keys
	KeepMail, EndSessions bool
}

// Restored describes a restored database.
type Restored struct {
	*store.Contents

	Keys int // how many signing keys the secret opens; 0 without Verify
}

// Restore restores a backup into the empty database of the settings.
func Restore(ctx context.Context, database config.Database, file string, o RestoreOptions, log *slog.Logger) (*Restored, error) {
	backup, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = backup.Close() }()
	r := &Restored{}
	now := time.Now
	err = store.Restore(ctx, string(database.URL), backup, store.RestoreOptions{
		Options: store.Options{
			MaxConns: database.MaxConns, CreateFolder: database.URL == config.DefaultDatabase,
			Observer: observe.New(observe.Options{Log: log}), Now: now,
		},
		KeepMail: o.KeepMail, EndSessions: o.EndSessions,
		Check: func(ctx context.Context, db *store.Store) (err error) {
			if r.Contents, err = db.Contents(ctx, now()); err != nil || !o.Verify {
				return err
			}
			r.Keys, err = verifyKeys(ctx, db, &o, log)
			return err
		},
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// verifyKeys opens the signing keys of a database with the secret, and returns how many there are.
func verifyKeys(ctx context.Context, db *store.Store, o *RestoreOptions, log *slog.Logger) (int, error) {
	keys := (&parts{store: db, observer: observe.New(observe.Options{Log: log})}).keyring(o.Keys, o.Secrets)
	if err := keyring.Check(ctx, keys); err != nil {
		if _, sealed := errors.AsType[*keyring.SealedError](err); sealed {
			return 0, errors.New("this is not the secret of the server from which the backup is: it does not decrypt the signing keys; set $USHER_SECRET_KEY as it was there, or pass a file with --secret-key-file")
		}
		return 0, err
	}
	list, err := keyring.List(ctx, keys)
	return len(list), err
}
