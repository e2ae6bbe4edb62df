//go:build !linux && !darwin

package app

func free(string) (bytes uint64, ok bool) { return 0, false }

func openFileLimit() uint64 { return 0 }
