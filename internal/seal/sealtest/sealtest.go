// Package sealtest makes the secrets of servers in tests.
package sealtest

import "usher/internal/seal"

// Secrets returns secrets without a check of their strength. A second one is the previous secret.
func Secrets(current string, previous ...string) *seal.Secrets {
	var before []byte
	if len(previous) > 0 {
		before = []byte(previous[0])
	}
	s, err := seal.NewSecrets([]byte(current), before, nil)
	if err != nil {
		panic(err)
	}
	return s
}
