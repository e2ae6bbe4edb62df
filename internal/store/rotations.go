package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/batch"
)

// rotation is one use of a refresh token.
type rotation struct {
	session    uuid.UUID
	generation uint32
	by         string
	now        time.Time
}

// rotations rotates refresh tokens in batches. A batch waits for the disk once.
type rotations struct {
	to target
	*batch.Batcher[rotation, bool]
}

func newRotations(to target) *rotations {
	r := &rotations{to: to}
	r.Batcher = batch.New(r.query)
	return r
}

// noteUse records the time of a rotation, $1. $2 is $1 truncated to the minute. last_used_at never
// decreases: it starts as the exact time of the sign-in, which may be later than $2.
const noteUse = `rotated_at = $1, refresh_replays = 0, last_used_at = CASE WHEN last_used_at < $2 THEN $2 ELSE last_used_at END`

// rotate has one statement for each batch size.
var rotate = func() (statements [batchSizes]string) {
	for i := range statements {
		var tokens, clients []string
		for n := range 1 << i {
			id, generation, by := "$"+strconv.Itoa(3*n+3), "$"+strconv.Itoa(3*n+4), "$"+strconv.Itoa(3*n+5)
			token := "id = " + id + " AND refresh_generation = " + generation
			tokens, clients = append(tokens, token), append(clients, "WHEN "+token+" THEN "+by)
		}
		statements[i] = `
	UPDATE sessions SET refresh_generation = refresh_generation + 1, ` + noteUse + `,
		rotated_by = CASE ` + strings.Join(clients, " ") + ` END
	WHERE (` + strings.Join(tokens, " OR ") + `) AND ended_at IS NULL AND expires_at > $1
	RETURNING id, refresh_generation`
	}
	return statements
}()

// query rotates the tokens of a batch in one statement. It uses the latest of their times for all.
func (r *rotations) query(ctx context.Context, tokens []rotation) []batch.Result[bool] {
	size, padded := pad(tokens)
	args := make([]any, 2, 2+3*len(padded))
	var now time.Time
	for _, token := range padded {
		args = append(args, token.session.String(), token.generation, token.by)
		if token.now.After(now) {
			now = token.now
		}
	}
	args[0], args[1] = timestamp(now), timestamp(now.Truncate(auth.UsePrecision))
	rotated, err := list(ctx, r.to, rotateTokens, func(r *rotation) []any { return []any{&r.session, &r.generation} }, rotate[size], args...)
	results := make([]batch.Result[bool], len(tokens))
	for i, token := range tokens {
		results[i].Err = err
		for j, done := range rotated {
			if done.session == token.session && done.generation == token.generation+1 {
				results[i].Value = true
				rotated[j].session = uuid.Nil // If two calls have the same token, only the first one succeeds.
				break
			}
		}
	}
	return results
}

// RotateRefreshToken implements auth.Store.
func (s *Store) RotateRefreshToken(ctx context.Context, sessionID uuid.UUID, generation uint32, by string, now time.Time) (bool, error) {
	return batched(ctx, s.write, s.rotations.Batcher, "rotate refresh token", rotation{sessionID, generation, by, now})
}

const advanceRefreshToken = `
	UPDATE sessions SET refresh_generation = $5, ` + noteUse + `, rotated_by = $6
	WHERE id = $3 AND refresh_generation = $4 AND refresh_generation < $5 AND ended_at IS NULL AND expires_at > $1`

// AdvanceRefreshToken implements auth.Store.
func (s *Store) AdvanceRefreshToken(ctx context.Context, sessionID uuid.UUID, from, to uint32, by string, now time.Time) (bool, error) {
	n, err := s.exec(ctx, "advance refresh token", advanceRefreshToken,
		timestamp(now), timestamp(now.Truncate(auth.UsePrecision)), sessionID, from, to, by)
	return n == 1, err
}

const replayRefreshToken = `
	UPDATE sessions SET refresh_replays = refresh_replays + 1
	WHERE id = $1 AND refresh_generation = $2 AND refresh_replays < $3 AND ended_at IS NULL AND expires_at > $4`

// ReplayRefreshToken implements auth.Store.
func (s *Store) ReplayRefreshToken(ctx context.Context, sessionID uuid.UUID, generation uint32, limit int, now time.Time) (bool, error) {
	n, err := s.exec(ctx, "replay refresh token", replayRefreshToken, sessionID, generation, limit, timestamp(now))
	return n == 1, err
}
