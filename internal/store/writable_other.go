//go:build !unix

package store

import (
	"io/fs"
	"os"
)

// writable returns nil if the file exists and is not marked read-only.
func writable(file string) error {
	info, err := os.Stat(file)
	if err == nil && info.Mode().Perm()&0o200 == 0 {
		err = fs.ErrPermission
	}
	return err
}
