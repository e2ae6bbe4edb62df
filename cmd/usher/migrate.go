package main

import (
	"errors"
	"fmt"
	"log/slog"

	"usher/internal/config"
	"usher/internal/store"
)

type migrateCommand struct {
	config.Database
	config.Log
}

// Run migrates the database.
func (c *migrateCommand) Run(w *world) error {
	db, err := w.openStore(c.Database, w.logger(c.Log))
	if err != nil {
		return err
	}
	if err := errors.Join(db.Migrate(w.ctx), db.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(w.stdout, "the database is up to date")
	return err
}

// openStore opens the database of the settings.
func (w *world) openStore(c config.Database, log *slog.Logger) (*store.Store, error) {
	return store.Open(w.ctx, string(c.URL), store.Options{MaxConns: c.MaxConns, Log: log})
}
