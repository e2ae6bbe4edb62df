//go:build !unix

package pgtest

import (
	"errors"
	"syscall"
)

func detached() *syscall.SysProcAttr { return nil }

func unprivileged() (*syscall.SysProcAttr, error) {
	return nil, errors.New("a cluster is started on Unix only: set TEST_DATABASE_URL")
}
