package store

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// statements is a pool that prepares each query for one row once. SQLite would parse its text
// every time, which takes as long as running it. pgx needs none of this: it remembers what it has
// prepared, unless it was told not to.
type statements struct {
	*sqlx.DB
	prepared sync.Map // of *sqlx.Stmt, by text; there are as many as there are queries in this package
}

// QueryRowxContext implements sqlx.QueryerContext.
func (s *statements) QueryRowxContext(ctx context.Context, query string, args ...any) *sqlx.Row {
	prepared, ok := s.prepared.Load(query)
	if !ok {
		statement, err := s.PreparexContext(ctx, query)
		if err != nil {
			return s.DB.QueryRowxContext(ctx, query, args...) // fails in the same way
		}
		if prepared, ok = s.prepared.LoadOrStore(query, statement); ok {
			_ = statement.Close() //nolint:sqlclosecheck // Another goroutine was faster; otherwise it is kept.
		}
	}
	return prepared.(*sqlx.Stmt).QueryRowxContext(ctx, args...)
}
