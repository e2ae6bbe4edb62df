package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"usher/internal/app"
	"usher/internal/auth"
	"usher/internal/config"
)

type clientCommands struct {
	Create clientCreateCommand `cmd:"" help:"Register an OAuth client, and show its id and, this once, its secret."`
	List   clientListCommand   `cmd:"" help:"List the OAuth clients, oldest first."`
	Delete clientDeleteCommand `cmd:"" help:"Delete an OAuth client: it can get no more tokens, and those it has are no longer active."`
}

type clientCreateCommand struct {
	config.Database
	config.Log

	Name     string          `required:"" help:"What to call the client."`
	Resource config.Resource `placeholder:"URI" help:"The API that the client serves, as in --audience of the server. The client may ask /oauth/introspect about access tokens for it."`
}

// Run registers a client.
func (c *clientCreateCommand) Run(w *world) error {
	return w.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		var resource *string
		if c.Resource != "" {
			resource = new(string(c.Resource))
		}
		client, secret, err := o.CreateClient(w.ctx, c.Name, resource)
		if err != nil {
			return explain(err)
		}
		_, err = fmt.Fprintf(w.stdout, "client_id      %s\nclient_secret  %s\n", client.ID, secret)
		return err
	})
}

type clientListCommand struct {
	config.Database
	config.Log
}

// Run lists the clients.
func (c *clientListCommand) Run(w *world) error {
	return w.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		table := tabwriter.NewWriter(w.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tNAME\tCREATED\tRESOURCE")
		const page = 500
		for after := uuid.Nil; ; {
			clients, err := o.Clients(w.ctx, after, page)
			if err != nil {
				return err
			}
			for _, client := range clients {
				resource := "-"
				if client.Resource != nil {
					resource = *client.Resource
				}
				fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", client.ID, client.Name, client.CreatedAt.Format(time.DateTime), resource)
			}
			if len(clients) < page {
				return table.Flush()
			}
			after = clients[len(clients)-1].ID
		}
	})
}

type clientDeleteCommand struct {
	config.Database
	config.Log

	ID uuid.UUID `arg:"" help:"The client_id."`
}

// Run deletes a client.
func (c *clientDeleteCommand) Run(w *world) error {
	return w.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		err := o.DeleteClient(w.ctx, c.ID)
		if errors.Is(err, auth.ErrNotFound) {
			return errors.New("there is no such client")
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.stdout, "deleted client %s\n", c.ID)
		return err
	})
}
