package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/keyring"
	"usher/internal/token"
)

type keysCommands struct {
	List   keysListCommand   `cmd:"" help:"List the signing keys, newest first."`
	Rotate keysRotateCommand `cmd:"" help:"Make a signing key. It is published at once, and takes over later; the tokens of the one before stay valid."`
	Retire keysRetireCommand `cmd:"" help:"End a signing key: within seconds all servers refuse its tokens."`
}

// keySettings are what the commands for keys have in common.
type keySettings struct {
	config.Keys
	config.Database
	config.Log
}

// operate calls f with what it takes to work on keys. Only a new key needs the secret.
func (c *keySettings) operate(w *world, secret []byte, f func(keyring.Options) error) error {
	return w.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		return f(o.Keyring(c.Keys, secret))
	})
}

type keysListCommand struct{ keySettings }

// Run lists the keys. Times are UTC.
func (c *keysListCommand) Run(w *world) error {
	return c.operate(w, nil, func(o keyring.Options) error {
		keys, err := keyring.List(w.ctx, o)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "KID\tALGORITHM\tSTATE\tCREATED\tSIGNS FROM\tVERIFIES UNTIL")
		for _, k := range keys {
			until := "-"
			if !k.VerifiesUntil.IsZero() {
				until = k.VerifiesUntil.Format(time.DateTime)
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", k.KeyID, k.Algorithm, k.State,
				k.CreatedAt.Format(time.DateTime), k.SignsFrom.Format(time.DateTime), until)
		}
		return table.Flush()
	})
}

type keysRotateCommand struct {
	keySettings

	Lead time.Duration `default:"2m" help:"How long the key is published before it signs. Below 2m, services that verify tokens, and below 1m our own replicas, may meet the key too late."`
}

// Run makes a key.
func (c *keysRotateCommand) Run(w *world) error {
	// Before the migration, which cannot be undone.
	secret, err := app.Secret(&c.Keys)
	if err != nil {
		return err
	}
	if err := keyring.CheckRotation(token.Algorithm(c.Algorithm), c.Lead); err != nil {
		return err
	}
	return c.operate(w, secret, func(o keyring.Options) error {
		key, err := keyring.Rotate(w.ctx, o, c.Lead)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.stdout, "made %s key %s, which signs from %s\n",
			key.Algorithm, key.KeyID, key.SignsFrom.Format(time.DateTime))
		return err
	})
}

type keysRetireCommand struct {
	keySettings

	Force bool   `help:"Retire even the key that signs. Without another one, a server makes one; until all know it, within half a minute, some tokens are refused."`
	KeyID string `arg:"" name:"kid" help:"The key's id. Write -- before one that begins with a dash."`
}

// Run retires a key.
func (c *keysRetireCommand) Run(w *world) error {
	return c.operate(w, nil, func(o keyring.Options) error {
		if err := keyring.Retire(w.ctx, o, c.KeyID, c.Force); err != nil {
			return err
		}
		_, err := fmt.Fprintf(w.stdout, "retired key %s\n", c.KeyID)
		return err
	})
}
