package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var sessionColumns = columns{
	"id", "user_id", "auth_time", "created_at", "last_used_at", "expires_at", "ended_at", "ip_address", "user_agent", "methods",
	"passkey_id",
}

func sessionFields(s *auth.Session) []any {
	return []any{
		&s.ID, &s.UserID, (*timestamp)(&s.AuthTime), (*timestamp)(&s.CreatedAt), (*timestamp)(&s.LastUsedAt),
		(*timestamp)(&s.ExpiresAt),
		nullTimestamp{&s.EndedAt},
		&s.IPAddress, &s.UserAgent, (*methods)(&s.Methods),
		nullID{&s.PasskeyID},
	}
}

var insertSession = append(sessionColumns, "secret_digest").insert("sessions")

// CreateSession implements auth.Store. It returns auth.ErrNotFound when there is no such user.
func (s *Store) CreateSession(ctx context.Context, session *auth.Session, secretDigest []byte) error {
	_, err := s.exec(ctx, "create session", insertSession, append(sessionFields(session), secretDigest)...)
	return err
}

const endSession = `UPDATE sessions SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL AND expires_at > $2`

// EndSession implements auth.Store.
func (s *Store) EndSession(ctx context.Context, sessionID uuid.UUID, now time.Time) (bool, error) {
	n, err := s.exec(ctx, "end session", endSession, sessionID, timestamp(now))
	return n == 1, err
}

const endOtherSessions = `
	UPDATE sessions SET ended_at = $3
	WHERE user_id = $1 AND id <> $2 AND ended_at IS NULL AND expires_at > $3`

// EndOtherSessions implements auth.Store.
func (s *Store) EndOtherSessions(ctx context.Context, userID, except uuid.UUID, now time.Time) (int, error) {
	n, err := s.exec(ctx, "end other sessions", endOtherSessions, userID, except, timestamp(now))
	return int(n), err
}

// Few users have more sessions than they may keep. The EXISTS finds that out from the index, without reading the
// sessions. It also lets PostgreSQL use one plan for all users. Without it, PostgreSQL makes a plan for each execution
// when there are many users, which takes longer than the statement.
//
// SQLite requires a LIMIT with OFFSET. Sessions beyond the limit end at the next sign-in.
const endOldestSessions = `
	UPDATE sessions SET ended_at = $3
	WHERE id IN (
		SELECT id FROM sessions
		WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $3 AND last_used_at > $4
			AND EXISTS (SELECT 1 FROM sessions WHERE user_id = $1 ORDER BY created_at, id LIMIT 1 OFFSET $2)
		ORDER BY created_at DESC, id DESC LIMIT 1000 OFFSET $2)`

// EndOldestSessions implements auth.Store.
func (s *Store) EndOldestSessions(ctx context.Context, userID uuid.UUID, keep int, now, idleSince time.Time) (int, error) {
	n, err := s.exec(ctx, "end oldest sessions", endOldestSessions, userID, keep, timestamp(now), timestamp(idleSince))
	return int(n), err
}

var newestSessionFirst = order{columns: []string{"created_at", "id"}, descending: true}

// Sessions implements auth.Store.
func (s *Store) Sessions(
	ctx context.Context, userID uuid.UUID, now, idleSince time.Time, page auth.Page[auth.SessionPosition],
) ([]auth.Session, error) {
	query, args := listSessions(userID, now, idleSince, page)
	sessions, err := list(ctx, s.read, "list sessions", sessionFields, query, args...)
	inListOrder(sessions, page)
	return sessions, err
}

func listSessions(userID uuid.UUID, now, idleSince time.Time, page auth.Page[auth.SessionPosition]) (query string, args []any) {
	found := where(append(
		[]fragment{{
			`user_id = $ AND ended_at IS NULL AND expires_at > $ AND last_used_at > $`,
			[]any{userID, timestamp(now), timestamp(idleSince)},
		}},
		between(newestSessionFirst, page, func(p *auth.SessionPosition) []any { return []any{timestamp(p.CreatedAt), p.ID} })...,
	))
	query = `SELECT ` + sessionColumns.of("sessions") + ` FROM sessions` + found.text + orderBy(newestSessionFirst, page)
	return numbered(query), append(found.args, page.Limit)
}

const sweepSessions = `
	DELETE FROM sessions WHERE id IN (
		SELECT id FROM sessions WHERE expires_at < $1 OR ended_at < $1 LIMIT $2)`

// SweepSessions implements auth.Store.
func (s *Store) SweepSessions(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := s.exec(ctx, "sweep sessions", sweepSessions, timestamp(before), limit)
	return int(n), err
}

// methods are stored as their names, separated by spaces. NULL means the password: servers of the previous
// release know no other method and write NULL.
type methods []auth.Method

// Value implements driver.Valuer.
func (m methods) Value() (driver.Value, error) {
	names := make([]string, len(m))
	for i, method := range m {
		names[i] = string(method)
	}
	return strings.Join(names, " "), nil
}

// Scan implements sql.Scanner.
func (m *methods) Scan(src any) error {
	switch src := src.(type) {
	case nil:
		*m = methods{auth.MethodPassword}
		return nil
	case string:
		*m = nil
		for name := range strings.FieldsSeq(src) {
			*m = append(*m, auth.Method(name))
		}
		return nil
	default:
		return fmt.Errorf("cannot read methods from %T", src)
	}
}
