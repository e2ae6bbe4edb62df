package main

import (
	"os"
	"runtime/debug"
)

// tuneProcess applies the settings of the whole process. The linter checks that no other code does so.
//
// By default Go's garbage collector runs when the heap has doubled. The server has a small live heap and each
// request leaves much garbage, so here it runs when the heap has tripled, unless $GOGC is set. That takes
// more memory and less processor time; docs/performance.md has the figures.
func tuneProcess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}
