package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"usher/internal/config"
	"usher/internal/store"
)

// openStore opens the database, and waits for it as the settings say. Its errors name the setting to check.
func openStore(ctx context.Context, s config.Database, o store.Options) (*store.Store, error) {
	o.MaxConns, o.CreateFolder, o.ReadURL = s.MaxConns, s.URL == config.DefaultDatabase, string(s.ReadURL)
	log := o.Observer.Log().With("database", s.URL)
	db, err := await(ctx, s.Wait, log, func(ctx context.Context) (*store.Store, error) {
		return store.Open(ctx, string(s.URL), o)
	})
	failed := new(store.OpenError)
	switch {
	case err == nil || !errors.As(err, &failed) || s.URL.IsSQLite():
		return db, err
	case !failed.MayPass:
		return nil, fmt.Errorf("%w. Check --database-url", err)
	case s.Wait > 0:
		return nil, fmt.Errorf("%w. Start it, check --database-url, or wait longer than %v with --wait-for-database", err, s.Wait)
	}
	return nil, fmt.Errorf("%w. Start it, check --database-url, or wait for it with --wait-for-database", err)
}

// retryInterval is the time between two attempts to open the database.
const retryInterval = time.Second

// await calls open until it succeeds, the limit has passed, or it fails for a reason that waiting does not change.
func await[T any](ctx context.Context, limit time.Duration, log *slog.Logger, open func(context.Context) (T, error)) (T, error) {
	if limit <= 0 {
		return open(ctx)
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var cause error // of the last attempt that was not cut short
	for {
		db, err := open(within)
		switch failed := new(store.OpenError); {
		case err == nil:
			if cause != nil {
				log.InfoContext(ctx, "the database answers")
			}
			return db, nil
		case ctx.Err() != nil:
			return db, errors.New("interrupted while waiting for the database")
		case within.Err() != nil && cause != nil:
			return db, cause
		case !errors.As(err, &failed) || !failed.MayPass || within.Err() != nil:
			return db, err
		}
		if cause == nil {
			log.WarnContext(ctx, "waiting for the database", "at_most", limit.String(), "cause", err)
		}
		cause = err
		select {
		case <-within.Done():
		case <-time.After(retryInterval):
		}
	}
}

// mustExist returns an error if the file of a SQLite database cannot be found. Opening the database would create it.
func mustExist(s config.Database) error {
	path, ok := s.URL.File()
	if !ok {
		return nil
	}
	_, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("the database file %q does not exist. Run the command in the folder of the server, or check --database-url", path)
	case err != nil:
		return fmt.Errorf("the database file cannot be read: %w. Check --database-url, and run the command as the user of the server", err)
	}
	return nil
}
