package main

import (
	"fmt"

	"usher/graph"
)

type schemaCommands struct {
	Print schemaPrintCommand `cmd:"" help:"Print the schema with its directives, as SDL."`
}

type schemaPrintCommand struct{}

// Run prints the schema.
func (schemaPrintCommand) Run(w *world) error {
	_, err := fmt.Fprint(w.stdout, graph.SDL())
	return err
}
