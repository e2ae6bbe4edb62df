package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"usher/internal/breach"
	"usher/internal/config"
	"usher/internal/logging"
	"usher/internal/password"
)

type breachesCommands struct {
	Build breachesBuildCommand `cmd:"" help:"Build a file for --breaches of the server from a published list: a text of SHA-1 hashes, sorted by hash."`
	Check breachesCheckCommand `cmd:"" help:"Report whether a password is in the lists of the settings. Prompts for the password, or reads it as one line from standard input."`
}

type breachesBuildCommand struct {
	List string `arg:"" placeholder:"FILE" help:"The list, with a line for each password: its SHA-1 hash in hexadecimal, or the hash, a colon and a count. - is standard input."`

	Output   string `default:"breaches.bin" help:"File to write. It is replaced when the new one is complete. A running server uses the old one until it is restarted."`
	Bits     uint32 `default:"8" enum:"8,16" help:"Size of an entry, 8 or 16 bits. Of the passwords that are not in the list, one in 256 counts as listed with 8 bits, and one in 65,536 with 16."`
	MinCount uint64 `default:"1" help:"Leave out passwords with a smaller count."`
}

// Run builds a file.
func (c *breachesBuildCommand) Run(inv *invocation) error {
	var list io.Reader = inv.stdin
	if c.List != "-" {
		f, err := os.Open(c.List)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }()
		list = f
	}
	o := breach.BuildOptions{Bits: c.Bits, MinCount: c.MinCount}
	terminal := inv.stderrIsTerminal()
	if terminal {
		o.Progress = func(lines uint64) { fmt.Fprintf(inv.stderr, "\r%d million lines", lines/1_000_000) }
	}
	built, err := breach.Build(inv.ctx, list, c.Output, o)
	if terminal {
		fmt.Fprint(inv.stderr, "\r\x1b[K")
	}
	if err != nil {
		return fmt.Errorf("%s was not written: %w", c.Output, err)
	}
	_, err = fmt.Fprintf(inv.stdout, "%s has %d passwords of %d lines, %.2f bytes for each\n",
		c.Output, built.Entries, built.Lines, float64(built.Size)/float64(built.Entries))
	return err
}

// stderrIsTerminal reports whether a person watches.
func (inv *invocation) stderrIsTerminal() bool {
	f, ok := inv.stderr.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

type breachesCheckCommand struct {
	config.Breaches
	config.Log
}

// Run looks a password up.
func (c *breachesCheckCommand) Run(inv *invocation) error {
	list, err := breach.Open(breach.Options{
		File: c.BreachesFile, URL: c.BreachesURL, Timeout: c.BreachesTimeout, Log: logging.New(inv.stderr, logOptions(c.Log)),
	})
	if err != nil {
		return fmt.Errorf("--breaches: %w", err)
	}
	if list == nil {
		return errors.New("there is no list; pass a file with --breaches, or the URL of a service with --breaches-url")
	}
	defer func() { _ = list.Close() }()
	secret, err := inv.readPassword("Password: ")
	if err != nil {
		return err
	}
	policy := password.Policy{Breaches: list, RequireBreaches: true}
	answer := "not in the lists"
	switch err := policy.CheckBreaches(inv.ctx, secret); {
	case errors.Is(err, password.Compromised):
		answer = "in the lists"
	case err != nil:
		return err
	}
	_, err = fmt.Fprintln(inv.stdout, "the password is", answer)
	return err
}
