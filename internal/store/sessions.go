package store

import (
	"context"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var sessionColumns = columns{
	"id", "user_id", "auth_time", "created_at", "last_used_at", "expires_at", "ended_at", "ip_address", "user_agent",
}

func sessionFields(s *auth.Session) []any {
	return []any{
		&s.ID, &s.UserID, (*timestamp)(&s.AuthTime), (*timestamp)(&s.CreatedAt), (*timestamp)(&s.LastUsedAt),
		(*timestamp)(&s.ExpiresAt),
		nullTimestamp{&s.EndedAt},
		&s.IPAddress, &s.UserAgent,
	}
}

var insertSession = sessionColumns.insert("sessions")

// CreateSession implements auth.Store. It returns auth.ErrNotFound when there is no such user.
func (s *Store) CreateSession(ctx context.Context, session *auth.Session) error {
	_, err := s.exec(ctx, "create session", insertSession, sessionFields(session)...)
	return err
}

var viewer = `
	SELECT ` + sessionColumns.of("sessions") + `, ` + userColumns.of("users") + `
	FROM sessions JOIN users ON users.id = sessions.user_id
	WHERE sessions.id = $1`

// Viewer implements auth.Store.
func (s *Store) Viewer(ctx context.Context, sessionID uuid.UUID) (*auth.Viewer, error) {
	v := new(auth.Viewer)
	fields := append(sessionFields(&v.Session), userFields(&v.User)...)
	// As text both drivers take the id as it is. pgx looks for other ways with a uuid.UUID first,
	// and allocates a sixth more in all.
	if err := s.read.QueryRowxContext(ctx, viewer, sessionID.String()).Scan(fields...); err != nil {
		return nil, fault(ctx, "find viewer", err)
	}
	return v, nil
}

const endSession = `UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2`

// EndSession implements auth.Store.
func (s *Store) EndSession(ctx context.Context, sessionID uuid.UUID, now time.Time) (bool, error) {
	n, err := s.exec(ctx, "end session", endSession, sessionID, timestamp(now))
	return n == 1, err
}
