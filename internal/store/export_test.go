package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"time"

	"github.com/google/uuid"
	"github.com/jmoiron/sqlx"

	"usher/internal/auth"
)

// What the tests of this package reach beyond its API.

// Exec runs SQL where s writes.
func (s *Store) Exec(ctx context.Context, query string, args ...any) error {
	_, err := s.write.ExecContext(ctx, query, args...)
	return err
}

// Get reads one value where s reads.
func (s *Store) Get(ctx context.Context, dest any, query string, args ...any) error {
	return sqlx.GetContext(ctx, s.read, dest, query, args...)
}

// Stats are about the connections that read.
func (s *Store) Stats() sql.DBStats { return s.reader.Stats() }

// Latest is the version of the newest migration.
func (s *Store) Latest() int64 { return s.latest }

// Versions are those of all migrations, in their order.
func (s *Store) Versions() ([]int64, error) {
	migrations, err := s.migrations()
	if err != nil {
		return nil, err
	}
	var versions []int64
	for _, source := range migrations.ListSources() {
		versions = append(versions, source.Version)
	}
	return versions, nil
}

// UpTo migrates no further than to a version.
func (s *Store) UpTo(ctx context.Context, version int64) error {
	migrations, err := s.migrations()
	if err == nil {
		_, err = migrations.UpTo(ctx, version)
	}
	return err
}

// Fault is the translation of errors.
var Fault = fault

// Query is what a database is asked.
type Query struct {
	Text string
	Args []any
}

// UserQueries are all that Users would run.
func (s *Store) UserQueries(ctx context.Context, q auth.UserQuery) ([]Query, error) {
	var queries []Query
	for _, f := range userFilters(q) {
		for _, r := range f {
			count := r.count()
			queries = append(queries, Query{numbered(count.text), count.args})
		}
	}
	text, args, err := s.usersQuery(ctx, q)
	return append(queries, Query{text, args}), err
}

// EventQuery is what Events would run.
func EventQuery(q auth.AuditEventQuery) Query {
	text, args := listEvents(q)
	return Query{text, args}
}

// HasOtherAdminQuery is what HasOtherAdmin runs.
func HasOtherAdminQuery(except uuid.UUID) Query {
	return Query{hasOtherAdmin, []any{roleWord(auth.RoleAdmin), except}}
}

// ClearAttemptsQuery is what ClearAttempts runs.
func ClearAttemptsQuery(userID uuid.UUID) Query { return Query{clearAttempts, []any{userID}} }

// Conn is one of the connections that read.
func (s *Store) Conn(ctx context.Context) (*sql.Conn, error) { return s.reader.Conn(ctx) }

// Open opens a connection to PostgreSQL that is not in the pool.
func (s *Store) Open(ctx context.Context) (driver.Conn, error) { return s.postgres.Connect(ctx) }

// ViewersTogether looks sessions up in one query.
func (s *Store) ViewersTogether(ctx context.Context, ids ...uuid.UUID) (viewers []*auth.Viewer, errs []error) {
	for _, r := range s.viewers.query(ctx, ids) {
		viewers, errs = append(viewers, r.Value), append(errs, r.Err)
	}
	return viewers, errs
}

// Rotation is the use of a refresh token.
type Rotation struct {
	Session    uuid.UUID
	Generation uint32
	By         string
}

// RotateTogether uses refresh tokens up in one statement.
func (s *Store) RotateTogether(ctx context.Context, now time.Time, tokens []Rotation) (rotated []bool, errs []error) {
	var keys []rotation
	for _, t := range tokens {
		keys = append(keys, rotation{t.Session, t.Generation, t.By, now})
	}
	for _, r := range s.rotations.query(ctx, keys) {
		rotated, errs = append(rotated, r.Value), append(errs, r.Err)
	}
	return rotated, errs
}
