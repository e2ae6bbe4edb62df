package store

import (
	"context"
	"errors"
	"math/bits"

	"github.com/google/uuid"

	"usher/internal/auth"
)

const viewer = "find viewer"

func viewerFields(v *auth.Viewer) []any {
	return append(sessionFields(&v.Session), userFields(&v.User)...)
}

// viewersOf are the queries for 1, 2, 4, … sessions.
var viewersOf = func() (queries [7]string) {
	for i := range queries {
		queries[i] = `
	SELECT ` + sessionColumns.of("sessions") + `, ` + userColumns.of("users") + `
	FROM sessions JOIN users ON users.id = sessions.user_id
	WHERE sessions.id IN (` + placeholders(1<<i) + `)`
	}
	return queries
}()

// Viewer implements auth.Store.
func (s *Store) Viewer(ctx context.Context, sessionID uuid.UUID) (*auth.Viewer, error) {
	if s.viewers == nil { // in a transaction
		l := &lookup[uuid.UUID, *auth.Viewer]{key: sessionID}
		s.findViewers(ctx, []*lookup[uuid.UUID, *auth.Viewer]{l})
		return l.value, fault(ctx, viewer, l.err)
	}
	v, err := s.viewers.find(ctx, sessionID)
	return v, fault(ctx, viewer, err)
}

// findViewers answers look-ups in one query.
func (s *Store) findViewers(ctx context.Context, lookups []*lookup[uuid.UUID, *auth.Viewer]) {
	size := bits.Len(uint(len(lookups) - 1))
	ids := make([]any, 1<<size)
	for i := range ids {
		// What is over repeats the last one, so that there are few queries to prepare. As text both
		// drivers take an id as it is; pgx looks for other ways with a uuid.UUID first.
		ids[i] = lookups[min(i, len(lookups)-1)].key.String()
	}
	found, err := list(ctx, s.read, "look up", viewerFields, viewersOf[size], ids...)
	if err != nil && !errors.Is(err, auth.ErrUnavailable) && len(lookups) > 1 {
		for i := range lookups { // A row that cannot be read is the trouble of one of them.
			s.findViewers(ctx, lookups[i:i+1])
		}
		return
	}
	for _, l := range lookups {
		l.err = err
		if err == nil {
			l.err = auth.ErrNotFound
		}
		for i := range found {
			if found[i].Session.ID == l.key {
				v := found[i] // Each request has its own.
				l.value, l.err = &v, nil
			}
		}
	}
}
