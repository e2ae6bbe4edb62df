package store

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"usher/internal/auth"
)

// bySession finds what belongs to a session. Look-ups that come together go out together.
type bySession[T any] struct {
	from      sqlx.QueryerContext
	queries   *sessionQueries
	fields    func(*T) []any
	session   func(*T) *auth.Session
	gathering gathering[uuid.UUID, *T]
}

func newBySession[T any](from sqlx.QueryerContext, queries *sessionQueries, fields func(*T) []any, session func(*T) *auth.Session) *bySession[T] {
	b := &bySession[T]{from: from, queries: queries, fields: fields, session: session}
	b.gathering.answer = b.answer
	return b
}

// sessionQueries find what belongs to so many sessions.
type sessionQueries [sizes]string

// selectBySession returns the queries for columns of a session and its user, and more of the session's.
func selectBySession(more string) (queries sessionQueries) {
	for i := range queries {
		queries[i] = `
	SELECT ` + sessionColumns.of("sessions") + `, ` + userColumns.of("users") + more + `
	FROM sessions JOIN users ON users.id = sessions.user_id
	WHERE sessions.id IN (` + placeholders(1<<i) + `)`
	}
	return queries
}

func (b *bySession[T]) find(ctx context.Context, sessionID uuid.UUID) (*T, error) {
	return b.gathering.find(ctx, sessionID)
}

// answer answers look-ups in one query.
func (b *bySession[T]) answer(ctx context.Context, lookups []*lookup[uuid.UUID, *T]) {
	size := sizeOf(len(lookups))
	ids := make([]any, 1<<size)
	for i := range ids {
		// As text both drivers take an id as it is; pgx looks for other ways with a uuid.UUID first.
		ids[i] = lookups[min(i, len(lookups)-1)].key.String()
	}
	found, err := list(ctx, b.from, "look up", b.fields, b.queries[size], ids...)
	if err != nil && !errors.Is(err, auth.ErrUnavailable) && len(lookups) > 1 {
		for i := range lookups { // A row that cannot be read is the trouble of one of them.
			b.answer(ctx, lookups[i:i+1])
		}
		return
	}
	for _, l := range lookups {
		l.err = err
		if err == nil {
			l.err = auth.ErrNotFound
		}
		for i := range found {
			if b.session(&found[i]).ID == l.key {
				one := found[i] // Each request has its own.
				l.value, l.err = &one, nil
			}
		}
	}
}

var viewers = selectBySession("")

func viewerSession(v *auth.Viewer) *auth.Session { return &v.Session }

func viewerFields(v *auth.Viewer) []any {
	return append(sessionFields(&v.Session), userFields(&v.User)...)
}

// Viewer implements auth.Store.
func (s *Store) Viewer(ctx context.Context, sessionID uuid.UUID) (*auth.Viewer, error) {
	v, err := s.viewers.find(ctx, sessionID)
	return v, fault(ctx, "find viewer", err)
}

var refreshStates = selectBySession(", sessions.secret_digest, sessions.refresh_generation, " +
	"sessions.rotated_at, sessions.rotated_by, sessions.refresh_replays")

func refreshStateSession(r *auth.RefreshState) *auth.Session { return &r.Session }

func refreshStateFields(r *auth.RefreshState) []any {
	return append(viewerFields(&r.Viewer), &r.SecretDigest, &r.Generation, (*zeroTimestamp)(&r.RotatedAt), &r.RotatedBy, &r.Replays)
}

// RefreshState implements auth.Store.
func (s *Store) RefreshState(ctx context.Context, sessionID uuid.UUID) (*auth.RefreshState, error) {
	r, err := s.refreshStates.find(ctx, sessionID)
	return r, fault(ctx, "read refresh state", err)
}
