package app

import (
	"context"
	"errors"
	"log/slog"

	"usher/internal/auth/domain"
	"usher/internal/auth/mailing"
	"usher/internal/auth/operator"
	"usher/internal/config"
	"usher/internal/keyring"
	"usher/internal/seal"
)

// Operator has the verbs of the operator's commands.
type Operator struct {
	*operator.Service

	parts  *parts
	domain *domain.Domain
}

// Operate opens the database, migrates it, calls f and closes the database.
func Operate(ctx context.Context, database config.Database, passwords config.Passwords, log *slog.Logger, f func(*Operator) error) error {
	return operate(ctx, Settings{Database: database, Passwords: passwords}, nil, log, f)
}

// OperateExisting is Operate for commands that have nothing to do in a new database. A mistake in its path must not look
// like an empty result.
func OperateExisting(ctx context.Context, database config.Database, log *slog.Logger, f func(*Operator) error) error {
	if err := mustExist(database); err != nil {
		return err
	}
	return Operate(ctx, database, config.Passwords{}, log, f)
}

// OperateMail is Operate for commands that write mails, which the server sends. The settings are those of the server.
func OperateMail(
	ctx context.Context, database config.Database, keys config.Keys, mails config.Mail, signup config.Signup, log *slog.Logger, f func(*Operator) error,
) error {
	secrets, err := Secrets(&keys, nil)
	if err != nil {
		return err
	}
	if server, err := mails.SMTP(); err != nil {
		return err
	} else if server.IsZero() {
		return errors.New("no SMTP server is set; set $USHER_SMTP_URL as for the server, or pass a file with --smtp-url-file")
	}
	settings := Settings{Database: database, Server: config.Server{Keys: keys, Mail: mails, Signup: signup}}
	return operate(ctx, settings, secrets, log, f)
}

// operate is Operate with settings of the server. With the server's secret, the commands can write mails.
func operate(ctx context.Context, s Settings, secrets *seal.Secrets, log *slog.Logger, f func(*Operator) error) error {
	s.ReadURL = "" // a command decides by what it lists, and must work without the standby
	parts, err := open(ctx, s, log, nil, Overrides{})
	if err != nil {
		return err
	}
	if secrets != nil {
		parts.post = &mailing.Post{} // the server composes and sends
	}
	d, err := parts.domain(nil, secrets)
	if err == nil {
		err = parts.migrate(ctx)
	}
	if err == nil && secrets != nil {
		err = checkSecret(ctx, parts.keyring(s.Keys, secrets))
	}
	if err == nil {
		err = f(&Operator{Service: d.Operator, parts: parts, domain: d})
	}
	return errors.Join(err, parts.close()) //nolint:contextcheck // The last export outlives the context.
}

// checkSecret returns an error if the server has another secret: it could not decrypt what the command writes.
func checkSecret(ctx context.Context, o keyring.Options) error {
	err := keyring.Check(ctx, o)
	if _, sealed := errors.AsType[*keyring.SealedError](err); sealed {
		return errors.New("this is not the secret of the server, so neither could read what the other writes; set $USHER_SECRET_KEY as for the server, or pass a file with --secret-key-file. While the secret is changed, set $USHER_SECRET_KEY_PREVIOUS too")
	}
	return err
}

// Keyring returns the options of the keyring. The secret is needed only to create a key; see Secrets.
func (o *Operator) Keyring(k config.Keys, secrets *seal.Secrets) keyring.Options {
	return o.parts.keyring(k, secrets)
}
