package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"usher/internal/auth/operator"
	"usher/internal/config"
	"usher/internal/keyring"
	"usher/internal/token"
)

// Operator is what the operator's commands work with.
type Operator struct {
	*operator.Service

	parts *parts
}

// Operate opens the database, migrates it, calls f and closes the database.
func Operate(ctx context.Context, d config.Database, p config.Passwords, log *slog.Logger, f func(*Operator) error) error {
	parts, err := open(ctx, Settings{Database: d, Passwords: p}, log, Overrides{})
	if err != nil {
		return err
	}
	made, err := parts.domain(nil, nil)
	if err == nil {
		err = parts.migrate(ctx)
	}
	if err == nil {
		err = f(&Operator{Service: made.Operator, parts: parts})
	}
	return errors.Join(err, parts.close())
}

// Keyring returns what it takes to work on the signing keys. A new key needs the secret, see Secret.
func (o *Operator) Keyring(k config.Keys, secret []byte) keyring.Options {
	return o.parts.keyring(k, secret)
}

// Secret returns the secret of the settings, or an error that says how to make a good one.
func Secret(settings interface{ Secret() (config.Secret, error) }) ([]byte, error) {
	secret, err := settings.Secret()
	if err != nil {
		return nil, err
	}
	if err := token.CheckSecret(secret.Reveal()); err != nil {
		return nil, fmt.Errorf(`%w. This makes a good one:

    head -c 32 /dev/urandom | base64

If the server has run with the old secret, it names the signing keys to retire when it starts with the new one.
Users sign in again then`, err)
	}
	return secret.Reveal(), nil
}
