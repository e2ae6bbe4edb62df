package store

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// statements is a pool that prepares each query that only reads once. SQLite would parse its text
// every time, which takes as long as running it. pgx needs none of this: it remembers what it has
// prepared, unless it was told not to.
type statements struct {
	*sqlx.DB
	prepared sync.Map // of *sqlx.Stmt, by text; there are as many as this package has queries, for each length of a list of ids
}

// QueryRowxContext implements sqlx.QueryerContext.
func (s *statements) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	statement, err := s.prepare(ctx, query) //nolint:sqlclosecheck // It lives as long as the pool.
	if err != nil {
		return s.DB.QueryRowxContext(ctx, query, args...) // fails in the same way
	}
	return statement.QueryRowxContext(ctx, args...)
}

// QueryxContext implements sqlx.QueryerContext.
func (s *statements) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	statement, err := s.prepare(ctx, query) //nolint:sqlclosecheck // It lives as long as the pool.
	if err != nil {
		return nil, err
	}
	return statement.QueryxContext(ctx, args...)
}

func (s *statements) prepare(ctx context.Context, query string) (*sqlx.Stmt, error) {
	prepared, ok := s.prepared.Load(query)
	if !ok {
		statement, err := s.PreparexContext(ctx, query)
		if err != nil {
			return nil, err
		}
		if prepared, ok = s.prepared.LoadOrStore(query, statement); ok {
			_ = statement.Close() //nolint:sqlclosecheck // Another goroutine was faster; otherwise it is kept.
		}
	}
	return prepared.(*sqlx.Stmt), nil
}
