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
	Create clientCreateCommand `cmd:"" help:"Register an OAuth client, and print its id and secret. The secret is shown only once."`
	List   clientListCommand   `cmd:"" help:"List the OAuth clients, oldest first."`
	Delete clientDeleteCommand `cmd:"" help:"Delete an OAuth client. It gets no new tokens, and its existing tokens become inactive."`
}

type clientCreateCommand struct {
	Name     string          `required:"" help:"Name of the client."`
	Resource config.Resource `placeholder:"URI" help:"API that the client serves, one of --audience of the server. The client may introspect access tokens for that API."`

	// Last, so that --help lists the flags above first.
	config.Database
	config.Log
}

// Run registers a client.
func (c *clientCreateCommand) Run(inv *invocation) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		var resource *string
		if c.Resource != "" {
			resource = new(string(c.Resource))
		}
		client, secret, err := o.CreateClient(inv.ctx, c.Name, resource)
		if err != nil {
			return explain(err)
		}
		_, err = fmt.Fprintf(inv.stdout, "client_id      %s\nclient_secret  %s\n", client.ID, secret)
		return err
	})
}

type clientListCommand struct {
	config.Database
	config.Log
}

// Run lists the clients.
func (c *clientListCommand) Run(inv *invocation) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		table := tabwriter.NewWriter(inv.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "ID\tNAME\tCREATED\tRESOURCE")
		page := auth.Page[uuid.UUID]{Limit: 500}
		for {
			clients, err := o.Clients(inv.ctx, page)
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
			if len(clients) < page.Limit {
				return table.Flush()
			}
			page.After = &clients[len(clients)-1].ID
		}
	})
}

type clientDeleteCommand struct {
	config.Database
	config.Log

	ID uuid.UUID `arg:"" help:"The client_id of the client."`
}

// Run deletes a client.
func (c *clientDeleteCommand) Run(inv *invocation) error {
	return inv.operate(c.Database, config.Passwords{}, c.Log, func(o *app.Operator) error {
		err := o.DeleteClient(inv.ctx, c.ID)
		if errors.Is(err, auth.ErrNotFound) {
			return errors.New("no client has this id; list all clients with usher client list")
		}
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(inv.stdout, "deleted client %s\n", c.ID)
		return err
	})
}
