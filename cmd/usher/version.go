package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(inv *invocation) error {
	_, err := fmt.Fprintln(inv.stdout, fullVersion())
	return err
}

// fullVersion returns the version, the commit, the version of Go and the platform.
func fullVersion() string {
	return fmt.Sprintf("usher %s (commit %s, %s, %s/%s)",
		version, cmp.Or(builtFrom(), "unknown"), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// builtFrom returns the commit: that of a release, or what Go has recorded in the program. It is "" if it is unknown.
func builtFrom() string {
	if commit != "" {
		return commit
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}
