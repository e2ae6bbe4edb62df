//go:build !unix

package pgtest

import (
	"errors"
	"syscall"
)

func detached() *syscall.SysProcAttr { return nil }

func unprivileged() (*syscall.SysProcAttr, error) {
	return nil, errors.New("clusters can be started only on Unix. Set TEST_DATABASE_URL")
}
