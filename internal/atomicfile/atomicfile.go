// Package atomicfile owns files that appear under their name when they are complete.
package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Publish gives a complete file its name, and syncs both to disk. The file is in the folder of the name. Unless replace
// is set, Publish returns fs.ErrExist if something has the name, also if that was created a moment ago.
func Publish(file, name string, replace bool) error {
	if err := syncFile(file, os.O_RDWR); err != nil {
		return err
	}
	if err := rename(file, name, replace); err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // cannot sync folders
		return nil
	}
	return syncFile(filepath.Dir(name), os.O_RDONLY)
}

func rename(file, name string, replace bool) error {
	if replace {
		return os.Rename(file, name)
	}
	err := os.Link(file, name) // unlike a rename, it replaces nothing
	switch {
	case err == nil:
		return os.Remove(file)
	case errors.Is(err, fs.ErrExist):
		return err
	}
	// FAT and some network file systems have no links.
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "rename", Path: name, Err: fs.ErrExist}
	}
	return os.Rename(file, name)
}

func syncFile(name string, flag int) error {
	f, err := os.OpenFile(name, flag, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
