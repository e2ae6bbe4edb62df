package main

import "fmt"

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(inv *invocation) error {
	_, err := fmt.Fprintln(inv.stdout, version)
	return err
}
