package app_test

import (
	"log/slog"
	"path/filepath"
	"testing"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/config"
	"usher/internal/storetest"
)

// TestCommandsWithoutStandby runs commands while --database-read-url leads to another database, with which a server does not
// start: they read nothing there.
func TestCommandsWithoutStandby(t *testing.T) {
	t.Parallel()
	url := storetest.URLs["postgres"]
	database := config.Database{URL: config.DatabaseURL(url(t)), ReadURL: config.DatabaseURL(url(t))}
	log := slog.New(slog.DiscardHandler)
	err := app.Operate(t.Context(), database, config.Passwords{}, log, func(o *app.Operator) error {
		_, err := o.Users(t.Context(), auth.UserQuery{Order: auth.UsersByCreatedAt, Page: auth.Page[auth.UserPosition]{Limit: 1}})
		return err
	})
	if err != nil {
		t.Errorf("Operate: %v", err)
	}
	if _, err := app.Backup(t.Context(), database, filepath.Join(t.TempDir(), "backup"), false, log); err != nil {
		t.Errorf("Backup: %v", err)
	}
}
