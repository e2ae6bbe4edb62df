//go:build unix

package store

import "golang.org/x/sys/unix"

// writable returns nil when this process may write the file, and the file system accepts writes.
// It does not open the file, see createFile.
func writable(file string) error { return unix.Access(file, unix.W_OK) }
