package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"usher/internal/auth"
)

// fault is the one place that translates what a database says went wrong. It goes by codes and
// types. doing says what was tried; what it was tried with is not in the error's text.
//
// The result is one of auth's errors for a Store where there is one that fits; context.Canceled if
// the caller gave up; auth.ErrUnavailable together with context.DeadlineExceeded if the answer took
// longer than the caller had; and whatever it was otherwise.
func fault(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		err = ended // Drivers have their own words for it, "transaction has already been rolled back" among them.
	}
	var (
		meaning  error
		postgres *pgconn.PgError
		lite     *sqlite.Error
	)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		meaning = auth.ErrNotFound
	case errors.As(err, new(*pgconn.ConnectError)): // whatever the server says: it lets nobody in
		meaning = auth.ErrUnavailable
	case errors.As(err, &postgres):
		if class(postgres) == "22" { // data exception: the message may quote the value
			return fmt.Errorf("%s: the database cannot hold a value (SQLSTATE %s)", doing, postgres.Code)
		}
		meaning = postgresMeaning(postgres)
	case errors.As(err, &lite):
		meaning = sqliteMeaning(lite)
	case isDisconnect(err):
		meaning = auth.ErrUnavailable
	}
	if meaning == nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, meaning, err)
}

// postgresMeaning goes by SQLSTATE (PostgreSQL documentation, appendix A).
func postgresMeaning(err *pgconn.PgError) error {
	switch err.Code {
	case "23505": // unique_violation
		switch err.ConstraintName {
		case "users_username_key_unique":
			return auth.ErrUsernameTaken
		case "users_email_key_unique":
			return auth.ErrEmailTaken
		}
	case "23503": // foreign_key_violation
		return auth.ErrNotFound
	case "25006", // read_only_sql_transaction: a standby, while another server takes over
		"25P03", // idle_in_transaction_session_timeout
		"55P03": // lock_not_available
		return auth.ErrUnavailable
	}
	switch class(err) {
	case "08", // connection exception
		"40", // transaction rollback: serialization failure, deadlock
		"53", // insufficient resources
		"57", // operator intervention: shutdown, statement timeout
		"58": // system error
		return auth.ErrUnavailable
	}
	return nil
}

// class is the part of the SQLSTATE that the kinds of an error have in common.
func class(err *pgconn.PgError) string { return err.Code[:min(2, len(err.Code))] }

// sqliteMeaning goes by result code (https://www.sqlite.org/rescode.html). SQLite names the column
// that had to be unique in its message and nowhere else, so once the code has said what happened,
// the message says where. The conformance suite notices if it ever changes.
func sqliteMeaning(err *sqlite.Error) error {
	switch err.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		switch {
		case strings.Contains(err.Error(), "users.username_key"):
			return auth.ErrUsernameTaken
		case strings.Contains(err.Error(), "users.email_key"):
			return auth.ErrEmailTaken
		}
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return auth.ErrNotFound
	}
	switch err.Code() & 0xff { // the primary code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM:
		return auth.ErrUnavailable
	}
	return nil
}

// isDisconnect reports whether err is about the way to the database. A deadline that has passed is
// a net.Error, too.
func isDisconnect(err error) bool {
	var network net.Error
	return errors.As(err, &network) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// isRejected reports whether PostgreSQL answered a commit with an error: the transaction was rolled back.
// Without an answer it may have been committed, and so it may when the server ended the session (FATAL)
// or says that it does not know (40003, statement_completion_unknown).
func isRejected(err error) bool {
	var postgres *pgconn.PgError
	return errors.Is(err, pgx.ErrTxCommitRollback) ||
		errors.As(err, &postgres) && postgres.SeverityUnlocalized == "ERROR" && postgres.Code != "40003"
}
