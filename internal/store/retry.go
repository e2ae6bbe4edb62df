package store

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jmoiron/sqlx"
)

// maxRetries is how often work that PostgreSQL rolled back is done again. A deadlock needs one retry; each
// further one needs new transactions that conflict.
const maxRetries = 3

// retry calls work, and calls it again while PostgreSQL rolls it back because of other
// transactions. There is no pause: the server reports a deadlock only after it has waited, and the
// other transaction continues at once.
//
// Work must be a whole transaction, or one statement outside of a transaction. It must have no effect but
// in the database, or one that the next call replaces.
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

// wasRolledBack reports whether err is an SQLSTATE of class 40: a serialization failure or a deadlock. After
// 40003, statement_completion_unknown, the work may have been done, so it is not done again.
func wasRolledBack(err error) bool {
	var postgres *pgconn.PgError
	return errors.As(err, &postgres) && class(postgres) == "40" && postgres.Code != "40003"
}

// retryOn is retry for one statement, unless it goes to a transaction: that is rolled back as a whole.
func retryOn(ctx context.Context, to any, statement func() error) error {
	if _, inside := to.(*sqlx.Tx); inside {
		return statement()
	}
	return retry(ctx, statement)
}
