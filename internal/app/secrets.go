package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"usher/internal/auth/domain"
	"usher/internal/config"
	"usher/internal/keyring"
	"usher/internal/rekey"
	"usher/internal/seal"
	"usher/internal/token"
)

// secretSettings are the settings with the server's secret. *config.Keys and *config.Server are.
type secretSettings interface {
	Secret() (config.Secret, error)
	Previous() (config.Secret, error)
}

// Secrets returns the secrets of the settings. If one is missing or weak, the error says how to create one. A nil clock
// means time.Now.
func Secrets(settings secretSettings, now func() time.Time) (*seal.Secrets, error) {
	current, err := settings.Secret()
	if err != nil {
		return nil, err
	}
	if err := token.CheckSecret(current.Reveal()); err != nil {
		return nil, fmt.Errorf("%w. Create a strong one with: head -c 32 /dev/urandom | base64", err)
	}
	previous, err := settings.Previous()
	if err != nil {
		return nil, fmt.Errorf("previous secret: %w", err)
	}
	if !previous.IsZero() {
		if err := token.CheckSecret(previous.Reveal()); err != nil {
			return nil, fmt.Errorf("$USHER_SECRET_KEY_PREVIOUS: %w. If the server has used it as $USHER_SECRET_KEY, an attacker may guess it: remove the setting. Everybody signs in again then, see docs/secret-rotation.md", err)
		}
	}
	secrets, err := seal.NewSecrets(current.Reveal(), previous.Reveal(), now)
	if errors.Is(err, seal.ErrEqual) {
		return nil, errors.New("$USHER_SECRET_KEY_PREVIOUS is the same secret as $USHER_SECRET_KEY. Set it to the secret before, or remove it")
	}
	return secrets, err
}

// rekey returns the change of the server's secret.
func (p *parts) rekey(secrets *seal.Secrets) (*rekey.Service, error) {
	now := p.overrides.Now
	if now == nil {
		now = time.Now
	}
	return rekey.New(rekey.Options{
		Store: p.store, Secrets: secrets, Lifetime: p.settings.SessionMaxAge, Now: now, Log: p.observer.Log(),
	})
}

// registerReseals registers all that is stored encrypted.
func (p *parts) registerReseals(s *rekey.Service, secrets *seal.Secrets, d *domain.Domain) {
	s.Register("signing keys", func(ctx context.Context) (int, error) {
		return keyring.Reseal(ctx, p.keyring(p.settings.Keys, secrets))
	})
	s.Register("mails", d.Outbox.Reseal)
	s.Register("TOTP seeds", d.Factors.Reseal)
}

// OperateSecrets is Operate for commands that show or finish a change of the server's secret.
func OperateSecrets(ctx context.Context, database config.Database, keys config.Keys, log *slog.Logger, f func(*rekey.Service) error) error {
	if err := mustExist(database); err != nil {
		return err
	}
	secrets, err := Secrets(&keys, nil)
	if err != nil {
		return err
	}
	return operate(ctx, Settings{Database: database, Server: config.Server{Keys: keys}}, secrets, log, func(o *Operator) error {
		service, err := o.parts.rekey(secrets)
		if err != nil {
			return err
		}
		o.parts.registerReseals(service, secrets, o.domain)
		return f(service)
	})
}
