package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"
)

// rotation is the use of a refresh token.
type rotation struct {
	session    uuid.UUID
	generation uint32
	now        time.Time
}

// rotations uses refresh tokens up. Those that come together go into one statement, and so wait for
// the disk once.
type rotations struct {
	to        sqlx.QueryerContext
	gathering gathering[rotation, bool]
}

func newRotations(to sqlx.QueryerContext) *rotations {
	r := &rotations{to: to}
	r.gathering.answer = r.answer
	return r
}

// rotate are the statements for so many refresh tokens.
var rotate = func() (statements [sizes]string) {
	for i := range statements {
		var tokens []string
		for n := range 1 << i {
			tokens = append(tokens, "id = $"+strconv.Itoa(2*n+2)+" AND refresh_generation = $"+strconv.Itoa(2*n+3))
		}
		statements[i] = `
	UPDATE sessions SET refresh_generation = refresh_generation + 1, rotated_at = $1, last_used_at = $1
	WHERE (` + strings.Join(tokens, " OR ") + `) AND ended_at IS NULL AND expires_at > $1
	RETURNING id, refresh_generation`
	}
	return statements
}()

// answer uses tokens up in one statement. It takes the latest time for all.
func (r *rotations) answer(ctx context.Context, lookups []*lookup[rotation, bool]) {
	size := sizeOf(len(lookups))
	args := make([]any, 1, 1+2<<size)
	var now time.Time
	for i := range 1 << size {
		key := lookups[min(i, len(lookups)-1)].key
		args = append(args, key.session.String(), key.generation)
		if key.now.After(now) {
			now = key.now
		}
	}
	args[0] = timestamp(now)
	rotated, err := list(ctx, r.to, "rotate", func(r *rotation) []any { return []any{&r.session, &r.generation} }, rotate[size], args...)
	for _, l := range lookups {
		l.err = err
		for i, done := range rotated {
			if done.session == l.key.session && done.generation == l.key.generation+1 {
				l.value = true
				rotated[i].session = uuid.Nil // Of two that use the same token one is the first.
				break
			}
		}
	}
}

// RotateRefreshToken implements auth.Store.
func (s *Store) RotateRefreshToken(ctx context.Context, sessionID uuid.UUID, generation uint32, now time.Time) (bool, error) {
	rotated, err := s.rotations.gathering.find(ctx, rotation{sessionID, generation, now})
	return rotated, fault(ctx, "rotate refresh token", err)
}
