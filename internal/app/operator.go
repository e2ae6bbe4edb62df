package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"usher/internal/auth/mailing"
	"usher/internal/auth/operator"
	"usher/internal/config"
	"usher/internal/keyring"
	"usher/internal/token"
)

// Operator has the verbs of the operator's commands.
type Operator struct {
	*operator.Service

	parts *parts
}

// Operate opens the database, migrates it, calls f and closes the database.
func Operate(ctx context.Context, database config.Database, passwords config.Passwords, log *slog.Logger, f func(*Operator) error) error {
	return operate(ctx, Settings{Database: database, Passwords: passwords}, nil, log, f)
}

// OperateMail is Operate for commands that write mails, which the server sends. The settings are those of the server.
func OperateMail(
	ctx context.Context, database config.Database, keys config.Keys, mails config.Mail, signup config.Signup, log *slog.Logger, f func(*Operator) error,
) error {
	secret, err := Secret(&keys)
	if err != nil {
		return err
	}
	if server, err := mails.SMTP(); err != nil {
		return err
	} else if server.IsZero() {
		return errors.New("no SMTP server is set; set $USHER_SMTP_URL as for the server, or pass a file with --smtp-url-file")
	}
	settings := Settings{Database: database, Server: config.Server{Keys: keys, Mail: mails, Signup: signup}}
	return operate(ctx, settings, secret, log, f)
}

// operate is Operate with settings of the server. With the server's secret, the commands can write mails.
func operate(ctx context.Context, s Settings, secret []byte, log *slog.Logger, f func(*Operator) error) error {
	parts, err := open(ctx, s, log, Overrides{})
	if err != nil {
		return err
	}
	if secret != nil {
		parts.post = &mailing.Post{} // the server composes and sends
	}
	d, err := parts.domain(nil, secret)
	if err == nil {
		err = parts.migrate(ctx)
	}
	if err == nil && secret != nil {
		err = checkSecret(ctx, parts.keyring(s.Keys, secret))
	}
	if err == nil {
		err = f(&Operator{Service: d.Operator, parts: parts})
	}
	return errors.Join(err, parts.close())
}

// checkSecret returns an error if the server has another secret: it could not decrypt what the command writes.
func checkSecret(ctx context.Context, o keyring.Options) error {
	err := keyring.Check(ctx, o)
	if _, sealed := errors.AsType[*keyring.SealedError](err); sealed {
		return errors.New("this is not the secret of the server, so the server could not decrypt the mail; set $USHER_SECRET_KEY as for the server, or pass a file with --secret-key-file")
	}
	return err
}

// Keyring returns the options of the keyring. The secret is needed only to create a key; see Secret.
func (o *Operator) Keyring(k config.Keys, secret []byte) keyring.Options {
	return o.parts.keyring(k, secret)
}

// Secret returns the secret of the settings. If it is missing or weak, the error says how to create one.
func Secret(settings interface{ Secret() (config.Secret, error) }) ([]byte, error) {
	secret, err := settings.Secret()
	if err != nil {
		return nil, err
	}
	if err := token.CheckSecret(secret.Reveal()); err != nil {
		return nil, fmt.Errorf("%w. Create a strong one with: head -c 32 /dev/urandom | base64", err)
	}
	return secret.Reveal(), nil
}
