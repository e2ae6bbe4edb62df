package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"syscall"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/logging"
)

type serveCommand struct {
	config.Server
	config.Database
	config.Passwords
	config.Log
}

// Run serves until the context of inv ends.
func (c *serveCommand) Run(inv *invocation) (err error) {
	tuneProcess()
	hangups, ignore := catchHangups() // before the start takes its time
	defer ignore()
	level := new(slog.LevelVar)
	level.Set(c.Level)
	log, flush, stop := logging.NewBuffered(inv.stderr, logging.Options{Level: level, Format: c.Format})
	defer stop()
	for _, warning := range append(c.Warnings(), inv.env.Warnings()...) {
		log.WarnContext(inv.ctx, "unsafe setting", "warning", warning)
	}
	started := config.Take(c.settings())                   // before the files are read
	listener, err := listen(inv.ctx, c.Listen, "--listen") // before the migration, which cannot be undone
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // in case Serve is not called, which closes it too
	var admin net.Listener
	if c.AdminListen != "" {
		if admin, err = listen(inv.ctx, c.AdminListen, "--admin-listen"); err != nil {
			return err
		}
		defer func() { _ = admin.Close() }()
	}
	server, err := app.New(inv.ctx, app.Settings{
		Server: c.Server, Database: c.Database, Passwords: c.Passwords, Version: version, Commit: builtFrom(),
	}, log, app.Overrides{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()
	log.InfoContext(inv.ctx, "access tokens are for this server unless a client requests another resource",
		"audience", c.Issuer, "resources", strings.Join(c.Audience, ", "))
	log.InfoContext(inv.ctx, "listening", "address", listener.Addr().String(), "database", c.URL, "version", version)
	if c.Dev {
		flush() // so that the banner does not stand among the lines about migrations
		welcome(inv.stdout, c)
	}
	server.Admin = admin
	ctx, leave := context.WithCancel(inv.ctx)
	defer leave()
	settings := &reloader{inv: inv, server: server, log: log, level: level, now: started, attached: terminalOf(inv.stderr), leave: leave}
	defer settings.on(hangups)()
	if err := server.Serve(ctx, listener); err != nil {
		return err
	}
	log.InfoContext(inv.ctx, "stopped")
	return nil
}

func (c *serveCommand) settings() config.Settings {
	return config.Settings{Server: c.Server, Passwords: c.Passwords, Database: c.Database, Log: c.Log}
}

// listen listens on the address of a setting.
func listen(ctx context.Context, address, flag string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(address)
		return nil, fmt.Errorf("port %s is in use; choose another with %s", port, flag)
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		return nil, fmt.Errorf("cannot listen on %s: %w; choose another address with %s", address, errno, flag)
	}
	return l, err
}

// welcome prints the URLs of a development server and how to get a first account.
func welcome(w io.Writer, c *serveCommand) {
	url := c.Issuer
	fmt.Fprintf(w, `
Usher is running in development mode with the database %s.

  GraphQL   %s/graphql
  Console   %s/
  Schema    %s/schema.graphqls
`, c.URL, url, url, url)
	if !c.Sends() {
		fmt.Fprintf(w, "  Mailbox   %s/#/mailbox\n", url)
	}
	fmt.Fprintln(w)
	if c.TrustedDocuments != "" && c.TrustedDocumentsMode == "only" {
		fmt.Fprintf(w, "It accepts only the documents of %s and of the console. Administrators may send any document.\n\n", c.TrustedDocuments)
		return
	}
	switch c.SignupMode {
	case "open":
		fmt.Fprintf(w, `To sign up, run this in another terminal:

  curl -s %s/graphql -H 'Content-Type: application/json' -d '{
    "query": "mutation ($input: SignupInput!) { signup(input: $input) { accessToken user { id username } } }",
    "variables": {"input": {"username": "ada", "password": "four small green turtles"}}}'

`, url)
	case "verified":
		mails := "the mail"
		if !c.Sends() {
			mails = "the mail in the Mailbox"
		}
		fmt.Fprintf(w, `To sign up, run this in another terminal, and follow the link in %s:

  curl -s %s/graphql -H 'Content-Type: application/json' -d '{
    "query": "mutation ($input: RequestSignupInput!) { requestSignup(input: $input) { email } }",
    "variables": {"input": {"email": "ada@example.com"}}}'

`, mails, url)
	case "invite":
		fmt.Fprint(w, "Sign-up requires an invitation. "+firstAdmin+"Sign in with it and send invitations with inviteUser.\n\n")
	default:
		fmt.Fprint(w, "Sign-up is closed. "+firstAdmin+"Sign in with it and create accounts with createUser.\n\n")
	}
}

const firstAdmin = "Create the first account with usher user create --role admin --username root. "
