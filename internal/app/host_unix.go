//go:build linux || darwin

package app

import "golang.org/x/sys/unix"

func free(folder string) (bytes uint64, ok bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true //nolint:gosec // a block has a positive size
}

// openFileLimit returns the limit after Go has raised it to the hard limit at the start of the process.
func openFileLimit() uint64 {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return limit.Cur
}
