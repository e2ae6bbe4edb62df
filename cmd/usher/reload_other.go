//go:build !unix

package main

import "os"

// catchHangups returns a channel that receives nothing: this system has no SIGHUP.
func catchHangups() (hangups <-chan os.Signal, stop func()) { return nil, func() {} }
