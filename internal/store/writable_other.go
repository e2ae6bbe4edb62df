//go:build !unix

package store

import (
	"io/fs"
	"os"
)

// writable returns nil when the file is there and not marked as read-only.
func writable(file string) error {
	info, err := os.Stat(file)
	if err == nil && info.Mode().Perm()&0o200 == 0 {
		err = fs.ErrPermission
	}
	return err
}
