package main

import (
	"errors"
	"io"
	"log/slog"
	"os"
	"reflect"
	"strings"
	"sync"

	"golang.org/x/term"

	"usher/internal/app"
	"usher/internal/config"
)

// reloader reads the settings of a running server again: the same command line and environment, and what the file .env
// and the files that settings name contain now.
type reloader struct {
	inv    *invocation
	server *app.App
	log    *slog.Logger
	level  *slog.LevelVar
	now    config.Snapshot // the settings in use
	// attached reports whether the log's terminal still exists; nil if the log is not on a terminal. A terminal that is
	// closed sends SIGHUP too, and then the server must stop.
	attached func() bool
	leave    func() // stops the server
}

// on reloads the settings at each signal until the result is called.
func (r *reloader) on(hangups <-chan os.Signal) (stop func()) {
	stopping := make(chan struct{})
	var loop sync.WaitGroup
	loop.Go(func() {
		for {
			select {
			case <-hangups:
				if r.attached != nil && !r.attached() {
					r.leave()
					return
				}
				r.reload()
			case <-stopping:
				return
			}
		}
	})
	return func() {
		close(stopping)
		loop.Wait()
	}
}

// terminalOf returns a function that reports whether w is still a terminal. It returns nil if w is not a terminal now.
func terminalOf(w io.Writer) func() bool {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func() bool { return term.IsTerminal(int(f.Fd())) }
}

// reload applies the settings, all or none, and logs the result in one line.
func (r *reloader) reload() {
	changed, err := r.apply()
	if err != nil {
		cause := strings.Join(strings.Fields(err.Error()), " ")
		r.log.ErrorContext(r.inv.ctx, "settings not reloaded; the server continues with the old ones", "err", cause)
		return
	}
	if len(changed) == 0 {
		r.log.InfoContext(r.inv.ctx, "reloaded; no setting has changed")
		return
	}
	r.log.InfoContext(r.inv.ctx, "reloaded", "changed", strings.Join(changed, ", "))
}

func (r *reloader) apply() ([]string, error) {
	c, env, err := r.read()
	if err != nil {
		return nil, err
	}
	next := config.Take(c.settings())
	changed, err := r.now.Changes(next)
	if err != nil {
		return nil, err
	}
	if err := r.server.Reload(r.inv.ctx, app.Settings{Server: c.Server, Database: c.Database, Passwords: c.Passwords}); err != nil {
		return nil, err
	}
	r.level.Set(c.Level)
	r.now = next
	for _, warning := range append(c.Warnings(), env.Warnings()...) {
		r.log.WarnContext(r.inv.ctx, "unsafe setting", "warning", warning)
	}
	return changed, nil
}

// read parses the settings as run does. The command line is that of a command that runs, so it does not ask for help.
func (r *reloader) read() (*serveCommand, config.Env, error) {
	env, err := config.ReadEnv(config.EnvFile, os.LookupEnv)
	if err != nil {
		return nil, env, err
	}
	parser, err := newParser(r.inv, env)
	if err != nil {
		return nil, env, err
	}
	command, err := parser.Parse(r.inv.args)
	if err != nil {
		return nil, env, err
	}
	c, ok := reflect.TypeAssert[*serveCommand](command.Selected().Target.Addr())
	if !ok {
		return nil, env, errors.New("the command line is not that of the server")
	}
	return c, env, nil
}
