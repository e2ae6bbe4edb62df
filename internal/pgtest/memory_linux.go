package pgtest

import (
	"os"
	"syscall"
)

// memoryFolder returns a folder in memory, if one has space for several hundred databases.
func memoryFolder() (string, bool) {
	const folder, room, byAll = "/dev/shm", 1 << 30, 0o002
	info, err := os.Stat(folder)
	if err != nil || info.Mode()&byAll == 0 {
		return "", false
	}
	var system syscall.Statfs_t
	if err := syscall.Statfs(folder, &system); err != nil {
		return "", false
	}
	return folder, system.Bavail*uint64(system.Bsize) >= room
}
