package store

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/batch"
)

// bySession looks up the data of sessions, in batches.
type bySession[T any] struct {
	from    target
	doing   string
	queries *[batchSizes]string
	fields  func(*T) []any
	session func(*T) *auth.Session
	*batch.Batcher[uuid.UUID, *T]
}

func newBySession[T any](
	from target, doing string, queries *[batchSizes]string, fields func(*T) []any, session func(*T) *auth.Session,
) *bySession[T] {
	b := &bySession[T]{from: from, doing: doing, queries: queries, fields: fields, session: session}
	b.Batcher = batch.New(b.query)
	return b
}

// selectBySession returns one query for each batch size. It selects a session and its user. more adds columns.
func selectBySession(more string) (queries [batchSizes]string) {
	for i := range queries {
		queries[i] = `
	SELECT ` + sessionColumns.of("sessions") + `, ` + userColumns.of("users") + more + `
	FROM sessions JOIN users ON users.id = sessions.user_id
	WHERE sessions.id IN (` + placeholders(1<<i) + `)`
	}
	return queries
}

// query looks up the sessions of a batch.
func (b *bySession[T]) query(ctx context.Context, ids []uuid.UUID) []batch.Result[*T] {
	size, padded := pad(ids)
	args := make([]any, len(padded))
	for i, id := range padded {
		args[i] = id.String() // pgx encodes text faster than a uuid.UUID.
	}
	found, err := list(ctx, b.from, b.doing, b.fields, b.queries[size], args...)
	results := make([]batch.Result[*T], len(ids))
	if err != nil && !errors.Is(err, auth.ErrUnavailable) && len(ids) > 1 {
		for i := range ids { // An unreadable row fails only its own call.
			results[i] = b.query(ctx, ids[i:i+1])[0]
		}
		return results
	}
	for i, id := range ids {
		results[i].Err = err
		if err == nil {
			results[i].Err = auth.ErrNotFound
		}
		for j := range found {
			if b.session(&found[j]).ID == id {
				one := found[j] // Requests do not share a value.
				results[i] = batch.Result[*T]{Value: &one}
			}
		}
	}
	return results
}

var viewers = selectBySession("")

func viewerSession(v *auth.Viewer) *auth.Session { return &v.Session }

func viewerFields(v *auth.Viewer) []any {
	return append(sessionFields(&v.Session), userFields(&v.User)...)
}

// Viewer implements auth.Store.
func (s *Store) Viewer(ctx context.Context, sessionID uuid.UUID) (*auth.Viewer, error) {
	return batched(ctx, s.read, s.viewers.Batcher, "find viewer", sessionID)
}

var refreshStates = selectBySession(", sessions.secret_digest, sessions.refresh_generation, " +
	"sessions.rotated_at, sessions.rotated_by, sessions.refresh_replays")

func refreshStateSession(r *auth.RefreshState) *auth.Session { return &r.Session }

func refreshStateFields(r *auth.RefreshState) []any {
	return append(viewerFields(&r.Viewer), &r.SecretDigest, &r.Generation, (*zeroTimestamp)(&r.RotatedAt), &r.RotatedBy, &r.Replays)
}

// RefreshState implements auth.Store.
func (s *Store) RefreshState(ctx context.Context, sessionID uuid.UUID) (*auth.RefreshState, error) {
	return batched(ctx, s.read, s.refreshStates.Batcher, "read refresh state", sessionID)
}
