package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Contents are what a database has.
type Contents struct {
	Version, Users, Sessions, LiveSessions, Events int64
	// Sampled is how many sessions Store.Contents has read.
	Sampled int
}

// sampleSize is how many sessions Store.Contents reads.
const sampleSize = 100

// orphans select rows that refer to missing ones.
var orphans = []string{
	`credentials WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = credentials.user_id)`,
	`sessions WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id)`,
	`password_attempts WHERE user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM users WHERE users.id = password_attempts.user_id)`,
	`mailed_secrets WHERE user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM users WHERE users.id = mailed_secrets.user_id)`,
	`role_permissions WHERE NOT EXISTS (SELECT 1 FROM roles WHERE roles.name = role_permissions.role)`,
}

const (
	countRows = `SELECT (SELECT count(*) FROM users), (SELECT count(*) FROM sessions),
		(SELECT count(*) FROM sessions WHERE ended_at IS NULL AND expires_at > $1), (SELECT count(*) FROM audit_events)`

	sampleSessions = `SELECT id FROM sessions WHERE ended_at IS NULL AND expires_at > $1 ORDER BY id DESC LIMIT $2`
)

// Contents counts the rows of a database and checks that they belong together: that no row refers to a missing one, and
// that a sample of the sessions can be read as a refresh reads them.
func (s *Store) Contents(ctx context.Context, now time.Time) (*Contents, error) {
	c := &Contents{}
	err := s.Ready(ctx)
	if err != nil {
		return nil, err
	}
	if c.Version, err = s.version(ctx); err != nil {
		return nil, err
	}
	for _, o := range orphans {
		var n int
		if err := s.row(ctx, "look for lost rows", []any{&n}, `SELECT count(*) FROM `+o); err != nil {
			return nil, err
		}
		if n > 0 {
			return nil, fmt.Errorf("%d rows refer to missing ones: %s", n, o)
		}
	}
	if err := s.row(ctx, "count rows", []any{&c.Users, &c.Sessions, &c.LiveSessions, &c.Events}, countRows, timestamp(now)); err != nil {
		return nil, err
	}
	sample, err := list(ctx, s.read, "sample sessions", func(id *uuid.UUID) []any { return []any{id} }, sampleSessions, timestamp(now), sampleSize)
	if err != nil {
		return nil, err
	}
	for _, id := range sample {
		if _, err := s.RefreshState(ctx, id); err != nil {
			return nil, fmt.Errorf("session %s: %w", id, err)
		}
	}
	c.Sampled = len(sample)
	return c, nil
}
