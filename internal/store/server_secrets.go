package store

import (
	"context"

	"usher/internal/rekey"
)

var _ rekey.Store = (*Store)(nil)

var serverSecretColumns = columns{"fingerprint", "first_used_at", "last_used_at", "good_until"}

func serverSecretFields(r *rekey.Record) []any {
	return []any{&r.Fingerprint, (*timestamp)(&r.FirstUsedAt), (*timestamp)(&r.LastUsedAt), (*timestamp)(&r.GoodUntil)}
}

var serverSecrets = `SELECT ` + serverSecretColumns.of("server_secrets") + ` FROM server_secrets ORDER BY first_used_at, fingerprint`

// ServerSecrets implements rekey.Store.
func (s *Store) ServerSecrets(ctx context.Context) ([]rekey.Record, error) {
	return list(ctx, s.read, "list secrets of servers", serverSecretFields, serverSecrets)
}

// The times only grow: the clocks of servers differ, and so may their settings.
var useServerSecret = serverSecretColumns.insert("server_secrets") + `
	ON CONFLICT (fingerprint) DO UPDATE SET
		last_used_at = CASE WHEN server_secrets.last_used_at < excluded.last_used_at THEN excluded.last_used_at ELSE server_secrets.last_used_at END,
		good_until = CASE WHEN server_secrets.good_until < excluded.good_until THEN excluded.good_until ELSE server_secrets.good_until END`

// UseServerSecret implements rekey.Store.
func (s *Store) UseServerSecret(ctx context.Context, r *rekey.Record) error {
	_, err := s.exec(ctx, "use secret of server", useServerSecret, serverSecretFields(r)...)
	return err
}
