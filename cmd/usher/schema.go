package main

import (
	"fmt"

	"usher/graph"
	"usher/graph/directive"
	"usher/internal/app"
	"usher/internal/config"
)

type schemaCommands struct {
	Print  schemaPrintCommand  `cmd:"" help:"Print the schema with its directives as SDL."`
	Access schemaAccessCommand `cmd:"" help:"Print the access rules of fields, arguments and input fields, and the rate limits of fields."`
}

type schemaPrintCommand struct{}

// Run prints the schema.
func (schemaPrintCommand) Run(inv *invocation) error {
	_, err := fmt.Fprint(inv.stdout, graph.SDL())
	return err
}

type schemaAccessCommand struct {
	config.Verification
	config.Limits

	Format string `help:"Output format: text, markdown or json." enum:"text,markdown,json" default:"text"`
}

// Run prints the access rules and the rate limits.
func (c *schemaAccessCommand) Run(inv *invocation) error {
	table, err := graph.Access(c.RequireVerifiedEmail, app.RateLimits(c.RateLimits))
	if err != nil {
		return err
	}
	switch c.Format {
	case "markdown":
		return directive.WriteMarkdown(inv.stdout, table)
	case "json":
		return directive.WriteJSON(inv.stdout, table)
	default:
		return directive.WriteText(inv.stdout, table)
	}
}
