package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/term"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/logging"
)

type backupCommand struct {
	File  string `arg:"" placeholder:"FILE" help:"File to write. It appears when it is complete, and only this user can read it. - is standard output."`
	Force bool   `help:"Replace the file if it exists."`

	config.Database
	config.Log
}

// Run writes a backup.
func (c *backupCommand) Run(inv *invocation) error {
	log := logging.New(inv.stderr, logOptions(c.Log))
	if c.File == "-" {
		if f, ok := inv.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
			return errors.New("a backup is not text for a terminal; name a file, or redirect the output")
		}
		return app.BackupTo(inv.ctx, c.Database, inv.stdout, log)
	}
	digest, err := app.Backup(inv.ctx, c.Database, c.File, c.Force, log)
	if err != nil {
		return fmt.Errorf("%s was not written: %w", c.File, err)
	}
	_, err = fmt.Fprintf(inv.stdout, "%s  %s\n", digest, c.File) // as sha256sum -c reads it
	return err
}

type restoreCommand struct {
	File        string `arg:"" placeholder:"FILE" help:"File that usher backup has written. The database must be empty."`
	Verify      bool   `help:"Check also that the server's secret decrypts the signing keys. It must be set as for the server."`
	EndSessions bool   `help:"End all sessions, so that all users sign in again. Otherwise sessions that were ended after the backup are valid again."`
	KeepMail    bool   `help:"Keep the mails that were in the queue. Otherwise they are dropped, because most were sent after the backup."`

	config.Keys
	config.Database
	config.Log
}

// Run restores a backup.
func (c *restoreCommand) Run(inv *invocation) error {
	if c.File == "-" {
		return errors.New("restore: standard input cannot be restored; write the backup to a file first")
	}
	o := app.RestoreOptions{Verify: c.Verify, Keys: c.Keys, KeepMail: c.KeepMail, EndSessions: c.EndSessions}
	if c.Verify {
		var err error
		if o.Secrets, err = app.Secrets(&c.Keys, nil); err != nil {
			return err
		}
	}
	r, err := app.Restore(inv.ctx, c.Database, c.File, o, logging.New(inv.stderr, logOptions(c.Log)))
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	fmt.Fprintf(inv.stdout, "restored %s, %s (%d live) and %s; the schema has version %d\n",
		plural(r.Users, "user"), plural(r.Sessions, "session"), r.LiveSessions, plural(r.Events, "audit event"), r.Version)
	if c.Verify {
		_, err = fmt.Fprintf(inv.stdout, "verified: no row refers to a missing one, %s can be read, and the secret decrypts %s\n",
			plural(r.Sampled, "session"), plural(r.Keys, "signing key"))
	}
	return err
}
