package main

import (
	"fmt"

	"usher/graph"
	"usher/graph/directive"
)

type schemaCommands struct {
	Print  schemaPrintCommand  `cmd:"" help:"Print the schema with its directives, as SDL."`
	Access schemaAccessCommand `cmd:"" help:"Print who may have which field, argument and input field."`
}

type schemaPrintCommand struct{}

// Run prints the schema.
func (schemaPrintCommand) Run(w *world) error {
	_, err := fmt.Fprint(w.stdout, graph.SDL())
	return err
}

type schemaAccessCommand struct {
	Format string `help:"How to print it: text, markdown or json." enum:"text,markdown,json" default:"text"`
}

// Run prints the table.
func (c *schemaAccessCommand) Run(w *world) error {
	table, err := graph.Access()
	if err != nil {
		return err
	}
	switch c.Format {
	case "markdown":
		return directive.WriteMarkdown(w.stdout, table)
	case "json":
		return directive.WriteJSON(w.stdout, table)
	default:
		return directive.WriteText(w.stdout, table)
	}
}
