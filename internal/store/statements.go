package store

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// statements is a pool that prepares each read query once. Otherwise SQLite would parse the text every
// time, which takes as long as running it. pgx does not need this: it caches prepared statements itself.
type statements struct {
	*sqlx.DB
	prepared sync.Map // text to *sqlx.Stmt; bounded by the queries of this package and the lengths of their lists
}

// QueryRowxContext implements sqlx.QueryerContext.
func (s *statements) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	statement, err := s.prepare(ctx, query) //nolint:sqlclosecheck // It stays open as long as the pool.
	if err != nil {
		return s.DB.QueryRowxContext(ctx, query, args...) // returns a Row with the same error
	}
	return statement.QueryRowxContext(ctx, args...)
}

// QueryxContext implements sqlx.QueryerContext.
func (s *statements) QueryxContext(ctx context.Context, query string, args ...any) (*sqlx.Rows, error) {
	statement, err := s.prepare(ctx, query) //nolint:sqlclosecheck // It stays open as long as the pool.
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
