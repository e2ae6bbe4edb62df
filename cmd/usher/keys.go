package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"usher/internal/app"
	"usher/internal/config"
	"usher/internal/keyring"
	"usher/internal/seal"
	"usher/internal/token"
)

type keysCommands struct {
	List   keysListCommand   `cmd:"" help:"List the signing keys, newest first."`
	Rotate keysRotateCommand `cmd:"" help:"Create a signing key. It is published at once and starts signing later. Tokens signed with earlier keys stay valid."`
	Retire keysRetireCommand `cmd:"" help:"Retire a signing key. Within seconds all servers reject the tokens that it has signed."`
}

// keySettings are the settings of every command for keys.
type keySettings struct {
	config.Keys
	config.Database
	config.Log
}

// operate calls f with the options of the keyring. The secret is needed only to create a key.
func (c *keySettings) operate(inv *invocation, secrets *seal.Secrets, f func(keyring.Options) error) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		return f(o.Keyring(c.Keys, secrets))
	})
}

type keysListCommand struct{ keySettings }

// Run lists the keys. Times are in UTC.
func (c *keysListCommand) Run(inv *invocation) error {
	return c.operate(inv, nil, func(o keyring.Options) error {
		keys, err := keyring.List(inv.ctx, o)
		if err != nil {
			return err
		}
		table := tabwriter.NewWriter(inv.stdout, 0, 0, 2, ' ', 0)
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

	Lead time.Duration `default:"2m" help:"How long the key is published before it signs. Below 2m, other services may get its tokens before they know the key. Below 1m, so may replicas of this server."`
}

// Run creates a key.
func (c *keysRotateCommand) Run(inv *invocation) error {
	// Check everything before the migration, which cannot be undone.
	secrets, err := app.Secrets(&c.Keys, nil)
	if err != nil {
		return err
	}
	if err := keyring.CheckRotation(token.Algorithm(c.Algorithm), c.Lead); err != nil {
		return err
	}
	return c.operate(inv, secrets, func(o keyring.Options) error {
		key, err := keyring.Rotate(inv.ctx, o, c.Lead)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(inv.stdout, "created %s key %s, which signs from %s\n",
			key.Algorithm, key.KeyID, key.SignsFrom.Format(time.DateTime))
		return err
	})
}

type keysRetireCommand struct {
	keySettings

	Force bool   `help:"Retire the key even if it is the one that signs. If there is no other key, a server creates one. Some tokens are rejected until all servers know it, at most half a minute."`
	KeyID string `arg:"" name:"kid" help:"The id of the key. Put -- before an id that begins with a dash."`
}

// Run retires a key.
func (c *keysRetireCommand) Run(inv *invocation) error {
	return c.operate(inv, nil, func(o keyring.Options) error {
		if err := keyring.Retire(inv.ctx, o, c.KeyID, c.Force); err != nil {
			return err
		}
		_, err := fmt.Fprintf(inv.stdout, "retired key %s\n", c.KeyID)
		return err
	})
}
