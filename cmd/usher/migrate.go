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
func (c *migrateCommand) Run(inv *invocation) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(*app.Operator) error {
		_, err := fmt.Fprintln(inv.stdout, "the database is up to date")
		return err
	})
}
