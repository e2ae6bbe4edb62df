//go:build unix

package store

import "golang.org/x/sys/unix"

// writable returns nil if this process may write the file and the file system accepts writes. It does not
// open the file; createFile says why.
func writable(file string) error { return unix.Access(file, unix.W_OK) }
