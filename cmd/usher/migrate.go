package main

import (
	"fmt"

	"usher/internal/app"
	"usher/internal/config"
)

type migrateCommand struct {
	config.Database
	config.Log
}

// Run migrates the database.
func (c *migrateCommand) Run(w *world) error {
	return w.operate(c.Database, config.Passwords{}, c.Log, func(*app.Operator) error {
		_, err := fmt.Fprintln(w.stdout, "the database is up to date")
		return err
	})
}
