//go:build unix

package main

import (
	"os"
	"os/signal"
	"syscall"
)

// catchHangups returns a channel that receives each SIGHUP, which no longer ends the process. Signals that arrive while
// one waits are one.
func catchHangups() (hangups <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}
