package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jmoiron/sqlx"
)

// maxRetries limits the retries of work that PostgreSQL rolled back. A deadlock needs one retry. Each
// further retry means a conflict with another new transaction.
const maxRetries = 3

// retry calls work, and calls it again while PostgreSQL rolls it back because of a conflict. It does not
// back off: the server waits for deadlock_timeout before it reports a deadlock, and the other transaction
// continues at once.
//
// work must be a whole transaction, or one statement outside of a transaction. Any effect outside of the
// database must be one that the next call replaces.
func retry(ctx context.Context, work func() error) error {
	err := work()
	for range maxRetries {
		if !wasRolledBack(err) || ctx.Err() != nil {
			return err
		}
		err = work()
	}
	return err
}

// wasRolledBack reports whether err has an SQLSTATE of class 40: a serialization failure or a deadlock. It
// excludes 40003, statement_completion_unknown, after which the work may have been committed.
func wasRolledBack(err error) bool {
	var postgres *pgconn.PgError
	return errors.As(err, &postgres) && class(postgres) == "40" && postgres.Code != "40003"
}

// retryOn retries one statement, unless it runs in a transaction: a conflict rolls back all of that.
func retryOn(ctx context.Context, to any, statement func() error) error {
	if _, inside := to.(*sqlx.Tx); inside {
		return statement()
	}
	return retry(ctx, statement)
}
