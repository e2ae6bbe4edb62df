package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var ceremonyColumns = columns{"id", "purpose", "token_digest", "user_id", "details", "tries", "created_at", "expires_at"}

func ceremonyFields(c *auth.Ceremony) []any {
	return []any{
		&c.ID, &c.Purpose, &c.TokenDigest,
		nullID{&c.UserID},
		&c.Details, &c.Tries,
		(*timestamp)(&c.CreatedAt), (*timestamp)(&c.ExpiresAt),
	}
}

var insertCeremony = ceremonyColumns.insert("ceremonies") + `
	ON CONFLICT (token_digest) DO UPDATE SET ` + ceremonyColumns.excluded("token_digest")

// CreateCeremony implements auth.CeremonyStore.
func (s *Store) CreateCeremony(ctx context.Context, c *auth.Ceremony) error {
	_, err := s.exec(ctx, "create ceremony", insertCeremony, ceremonyFields(c)...)
	return err
}

var countCeremonyTry = `
	UPDATE ceremonies SET tries = tries + 1
	WHERE token_digest = $1 AND purpose = $2 AND expires_at > $3 AND tries < $4
	RETURNING ` + ceremonyColumns.of("ceremonies")

// CountCeremonyTry implements auth.CeremonyStore.
func (s *Store) CountCeremonyTry(
	ctx context.Context, purpose auth.CeremonyPurpose, tokenDigest []byte, most int, now time.Time,
) (*auth.Ceremony, error) {
	const doing = "count try of ceremony"
	found, err := list(ctx, s.write, doing, ceremonyFields, countCeremonyTry, tokenDigest, purpose, timestamp(now), most)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, fmt.Errorf("%s: %w", doing, auth.ErrNotFound)
	}
	return &found[0], nil
}

const takeCeremony = `DELETE FROM ceremonies WHERE id = $1 AND expires_at > $2`

// TakeCeremony implements auth.CeremonyStore.
func (s *Store) TakeCeremony(ctx context.Context, id uuid.UUID, now time.Time) (bool, error) {
	n, err := s.exec(ctx, "take ceremony", takeCeremony, id, timestamp(now))
	return n == 1, err
}

// With the time in the outer condition too, PostgreSQL does not read the whole table.
const sweepCeremonies = `
	DELETE FROM ceremonies WHERE expires_at < $1 AND id IN (
		SELECT id FROM ceremonies WHERE expires_at < $1 ORDER BY expires_at LIMIT $2)`

// SweepCeremonies implements auth.CleanupStore.
func (s *Store) SweepCeremonies(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := s.exec(ctx, "sweep ceremonies", sweepCeremonies, timestamp(before), limit)
	return int(n), err
}
