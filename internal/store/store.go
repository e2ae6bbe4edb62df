// Package store owns the SQL: an auth.Store on PostgreSQL or SQLite, and the migrations of both.
//
// Each query has one text for both databases. What differs is how a database is opened (open.go),
// what its migrations say (migrate.go) and how it reports errors (errors.go). There is a file for
// each table; a new column takes a migration for each database, a field of the domain's struct, a
// line in the table's columns and in its fields, and an assertion in internal/storetest.
package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"usher/internal/auth"
)

// Store keeps the domain's data in one database. It is safe for concurrent use.
type Store struct {
	// read and write are where queries go: the pools below, or one transaction. The pools are nil
	// in the Store of a transaction.
	read, write   sqlx.ExtContext
	viewers       *bySession[auth.Viewer]
	refreshStates *bySession[auth.RefreshState]
	rotations     *rotations
	rowLock       string // ends a SELECT that locks

	// reader and writer are one pool on PostgreSQL. SQLite has one writer at a time, so there the
	// writer is a single connection that requests queue for, and readers never wait for it.
	reader, writer *sqlx.DB
	dialect        goose.Dialect
	postgres       *connector // opens the connections; nil on SQLite
	file           string     // of the database; "" on PostgreSQL
	latest         int64      // version of the newest migration that this program has
	log            *slog.Logger
}

var _ auth.Store = (*Store)(nil)

// use makes queries go to read and write.
func (s *Store) use(read, write sqlx.ExtContext) {
	s.read, s.write = read, write
	s.viewers = newBySession(read, &viewers, viewerFields, viewerSession)
	s.refreshStates = newBySession(read, &refreshStates, refreshStateFields, refreshStateSession)
	s.rotations = newRotations(write)
}

// Close ends all connections, after the queries that run now.
func (s *Store) Close() error {
	return errors.Join(s.reader.Close(), s.writer.Close())
}

// InTx implements auth.Store. A transaction inside a transaction is refused: neither outcome of the
// inner one could be kept apart from the outer one's. A transaction that PostgreSQL rolls back because
// of others is run again, a bounded number of times.
func (s *Store) InTx(ctx context.Context, f func(ctx context.Context, tx auth.Store) error) error {
	if s.writer == nil {
		return errors.New("store: a transaction cannot begin inside another one")
	}
	return retry(ctx, func() error { return s.inTx(ctx, f) })
}

// together runs f in the transaction of s, or in one of its own.
func (s *Store) together(ctx context.Context, f func(tx *Store) error) error {
	if s.writer == nil {
		return f(s)
	}
	return s.InTx(ctx, func(_ context.Context, tx auth.Store) error { return f(tx.(*Store)) })
}

func (s *Store) inTx(ctx context.Context, f func(ctx context.Context, tx auth.Store) error) error {
	tx, err := s.writer.BeginTxx(ctx, nil)
	if err != nil {
		return fault(ctx, "begin transaction", err)
	}
	// After a commit this does nothing. It also runs when f panics, and lets the panic go on.
	defer func() { _ = tx.Rollback() }()
	inside := &Store{rowLock: s.rowLock}
	inside.use(tx, tx)
	if err := f(ctx, inside); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fault(ctx, "commit transaction", ctx.Err())
	}
	doing := "commit transaction"
	if err = tx.Commit(); s.postgres != nil && !isRejected(err) {
		doing += ", outcome unknown"
	}
	return fault(ctx, doing, err)
}

// exec runs a statement and returns how many rows it wrote.
func (s *Store) exec(ctx context.Context, doing, query string, args ...any) (n int64, err error) {
	err = retryOn(ctx, s.write, func() error {
		result, err := s.write.ExecContext(ctx, query, args...)
		if err != nil {
			return fault(ctx, doing, err)
		}
		if n, err = result.RowsAffected(); err != nil {
			return fmt.Errorf("%s: %w", doing, err)
		}
		return nil
	})
	return n, err
}

// change runs a statement that is about one row, and returns auth.ErrNotFound when there is none.
func (s *Store) change(ctx context.Context, doing, query string, args ...any) error {
	n, err := s.exec(ctx, doing, query, args...)
	if err == nil && n == 0 {
		err = fmt.Errorf("%s: %w", doing, auth.ErrNotFound)
	}
	return err
}

// list runs a query and reads its rows. fields points to where the columns of a row go.
func list[T any](ctx context.Context, from sqlx.QueryerContext, doing string, fields func(*T) []any, query string, args ...any) (found []T, err error) {
	err = retryOn(ctx, from, func() error {
		found, err = listOnce(ctx, from, doing, fields, query, args...)
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
