package store

import (
	"context"
	"time"

	"usher/internal/keyring"
)

var _ keyring.Store = (*Store)(nil)

var signingKeyColumns = columns{"key_id", "algorithm", "sealed", "generation", "created_at", "signs_from", "retired_at"}

func signingKeyFields(r *keyring.Record) []any {
	return []any{
		&r.KeyID, &r.Algorithm, &r.Sealed, &r.Generation, (*timestamp)(&r.CreatedAt), (*timestamp)(&r.SignsFrom),
		nullTimestamp{&r.RetiredAt},
	}
}

var signingKeys = `SELECT ` + signingKeyColumns.of("signing_keys") + ` FROM signing_keys ORDER BY generation DESC`

// SigningKeys implements keyring.Store.
func (s *Store) SigningKeys(ctx context.Context) ([]keyring.Record, error) {
	return list(ctx, s.read, "list signing keys", signingKeyFields, signingKeys)
}

var insertSigningKey = signingKeyColumns.insert("signing_keys") + ` ON CONFLICT (generation) DO NOTHING`

// CreateSigningKey implements keyring.Store.
func (s *Store) CreateSigningKey(ctx context.Context, r *keyring.Record) (bool, error) {
	n, err := s.exec(ctx, "create signing key", insertSigningKey, signingKeyFields(r)...)
	return n == 1, err
}

const retireSigningKey = `UPDATE signing_keys SET retired_at = $2 WHERE key_id = $1 AND retired_at IS NULL`

// RetireSigningKey implements keyring.Store.
func (s *Store) RetireSigningKey(ctx context.Context, keyID string, now time.Time) (bool, error) {
	n, err := s.exec(ctx, "retire signing key", retireSigningKey, keyID, timestamp(now))
	return n == 1, err
}

const resealSigningKey = `UPDATE signing_keys SET sealed = $3 WHERE key_id = $1 AND sealed = $2`

// ResealSigningKey implements keyring.Store.
func (s *Store) ResealSigningKey(ctx context.Context, keyID string, from, to []byte) (bool, error) {
	n, err := s.exec(ctx, "reseal signing key", resealSigningKey, keyID, from, to)
	return n == 1, err
}

// DeleteSigningKey implements keyring.Store.
func (s *Store) DeleteSigningKey(ctx context.Context, keyID string) error {
	_, err := s.exec(ctx, "delete signing key", `DELETE FROM signing_keys WHERE key_id = $1`, keyID)
	return err
}
