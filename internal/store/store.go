// Package store owns the SQL: it implements auth.Store on PostgreSQL and SQLite, and has the migrations of
// both.
//
// Each query has one text for both databases. They differ in how to open a database (open.go), how to
// migrate (migrate.go), how to lock rows (locks.go) and how errors are reported (errors.go). Each table has
// a file. A new column needs a migration for each database, a field in the domain's struct, an entry in the
// table's columns and fields, and an assertion in internal/storetest.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"usher/internal/auth"
	"usher/internal/observe"
)

// Store keeps the domain's data in one database. It is safe for concurrent use.
type Store struct {
	// read and write run the queries: on the pools below, or in one transaction. The Store of a
	// transaction has no pools.
	read, write   target
	viewers       *bySession[auth.Viewer]
	refreshStates *bySession[auth.RefreshState]
	rotations     *rotations
	rowLock       string // the suffix of a SELECT that locks its rows

	// On PostgreSQL, reader and writer are the same pool. SQLite allows one writer at a time, so its
	// writer is a single connection. Requests queue for it, and readers never wait for it.
	reader, writer *sqlx.DB
	dialect        goose.Dialect
	postgres       *connector // opens the connections; nil on SQLite
	standby        *standby   // serves lists; nil without one
	file           string     // path of the database file; "" on PostgreSQL
	latest         int64      // version of the newest migration in this program
	observer       *observe.Observer
	now            func() time.Time
}

var _ auth.Store = (*Store)(nil)

// target runs queries and observes them.
type target struct {
	sqlx.ExtContext
	observer *observe.Observer
}

// use runs all queries on read and write.
func (s *Store) use(read, write sqlx.ExtContext) {
	s.read, s.write = target{read, s.observer}, target{write, s.observer}
	s.viewers = newBySession(s.read, lookUpViewers, &viewers, viewerFields, viewerSession)
	s.refreshStates = newBySession(s.read, lookUpRefreshStates, &refreshStates, refreshStateFields, refreshStateSession)
	s.rotations = newRotations(s.write)
}

// Close closes all connections. It waits for running queries.
func (s *Store) Close() error {
	if s.postgres != nil && s.postgres.lease != nil {
		s.postgres.lease.end()
	}
	return errors.Join(s.reader.Close(), s.writer.Close(), s.standby.close())
}

// Pool is the state of a pool of connections.
type Pool struct {
	Name string
	sql.DBStats
}

// Pools returns the state of each pool: one on PostgreSQL, one more with a standby, and one for reading and one for
// writing on SQLite.
func (s *Store) Pools() []Pool {
	switch {
	case s.reader != s.writer:
		return []Pool{{"reader", s.reader.Stats()}, {"writer", s.writer.Stats()}}
	case s.standby != nil:
		return []Pool{{"shared", s.writer.Stats()}, {"standby", s.standby.db.Stats()}}
	}
	return []Pool{{"shared", s.writer.Stats()}}
}

// InTx implements auth.Store. It returns an error inside a transaction, because an inner transaction could
// not commit or roll back independently of the outer one. It runs f again, up to maxRetries times, if
// PostgreSQL rolls the transaction back because of a conflict.
func (s *Store) InTx(ctx context.Context, f func(ctx context.Context, tx auth.Store) error) error {
	if s.writer == nil {
		return errors.New("store: transactions cannot be nested")
	}
	return retry(ctx, func() error { return s.inTx(ctx, f) })
}

// together runs f in the transaction of s, or in a new one if s has none.
func (s *Store) together(ctx context.Context, f func(tx *Store) error) error {
	if s.writer == nil {
		return f(s)
	}
	return s.InTx(ctx, func(_ context.Context, tx auth.Store) error { return f(tx.(*Store)) })
}

func (s *Store) inTx(ctx context.Context, f func(ctx context.Context, tx auth.Store) error) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return err
	}
	// Rollback does nothing after a commit. It also runs if f panics.
	defer func() { _ = tx.Rollback() }()
	inside := &Store{rowLock: s.rowLock, dialect: s.dialect, observer: s.observer}
	inside.use(tx, tx)
	if err := f(ctx, inside); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fault(ctx, "commit transaction", ctx.Err())
	}
	return s.commit(ctx, tx)
}

func (s *Store) begin(ctx context.Context) (*sqlx.Tx, error) {
	const doing = "begin transaction"
	ctx, end := s.observer.Step(ctx, observe.Statement, doing)
	tx, err := s.writer.BeginTxx(ctx, nil)
	err = fault(ctx, doing, err)
	end(err)
	return tx, err
}

func (s *Store) commit(ctx context.Context, tx *sqlx.Tx) error {
	doing := "commit transaction"
	_, end := s.observer.Step(ctx, observe.Statement, doing)
	err := tx.Commit()
	if s.postgres != nil && !isRejected(err) {
		doing += ", outcome unknown"
	}
	err = fault(ctx, doing, err)
	end(err)
	return err
}

// exec runs a statement and returns the number of affected rows.
func (s *Store) exec(ctx context.Context, doing, query string, args ...any) (n int64, err error) {
	err = retryOn(ctx, s.write.ExtContext, func() error {
		n, err = s.execOnce(ctx, doing, query, args...)
		return err
	})
	return n, err
}

func (s *Store) execOnce(ctx context.Context, doing, query string, args ...any) (n int64, err error) {
	ctx, end := s.observer.Step(ctx, observe.Statement, doing)
	defer func() { end(err) }()
	result, err := s.write.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, fault(ctx, doing, err)
	}
	if n, err = result.RowsAffected(); err != nil {
		return 0, fmt.Errorf("%s: %w", doing, err)
	}
	return n, nil
}

// change runs a statement that affects one row. It returns auth.ErrNotFound if that row does not exist.
func (s *Store) change(ctx context.Context, doing, query string, args ...any) error {
	n, err := s.exec(ctx, doing, query, args...)
	if err == nil && n == 0 {
		err = fmt.Errorf("%s: %w", doing, auth.ErrNotFound)
	}
	return err
}

// row reads the one row of a query into fields. It returns auth.ErrNotFound if the query has no row.
func (s *Store) row(ctx context.Context, doing string, fields []any, query string, args ...any) error {
	return s.read.row(ctx, doing, fields, query, args...)
}

func (t target) row(ctx context.Context, doing string, fields []any, query string, args ...any) error {
	ctx, end := t.observer.Step(ctx, observe.Statement, doing)
	err := fault(ctx, doing, t.QueryRowxContext(ctx, query, args...).Scan(fields...))
	end(failure(err))
	return err
}

// failure is the error of a step. A query that finds nothing has not failed.
func failure(err error) error {
	if errors.Is(err, auth.ErrNotFound) {
		return nil
	}
	return err
}

// list runs a query and returns its rows. fields returns the scan targets of a row.
func list[T any](ctx context.Context, from target, doing string, fields func(*T) []any, query string, args ...any) (found []T, err error) {
	err = retryOn(ctx, from.ExtContext, func() error {
		ctx, end := from.observer.Step(ctx, observe.Statement, doing)
		found, err = listOnce(ctx, from.ExtContext, doing, fields, query, args...)
		end(err)
		return err
	})
	return found, err
}

func listOnce[T any](ctx context.Context, from sqlx.QueryerContext, doing string, fields func(*T) []any, query string, args ...any) ([]T, error) {
	rows, err := from.QueryxContext(ctx, query, args...)
	if err != nil {
		return nil, fault(ctx, doing, err)
	}
	defer rows.Close()
	var found []T
	var one, none T
	targets := fields(&one)
	for rows.Next() {
		one = none
		if err := rows.Scan(targets...); err != nil {
			return nil, fault(ctx, doing, err)
		}
		found = append(found, one)
	}
	return found, fault(ctx, doing, rows.Err())
}
