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

// fault translates the errors of both databases, by their codes and types. doing names the operation. The
// text of the result contains no arguments of the operation.
//
// The result wraps one of auth's errors for a Store if one applies. It wraps context.Canceled if the caller
// cancelled, auth.ErrUnavailable and context.DeadlineExceeded if the caller's deadline passed, and
// otherwise only err.
func fault(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ended := ctx.Err(); ended != nil {
		err = ended // Drivers return errors of their own for it, for example sql.ErrTxDone.
	}
	var (
		meaning  error
		postgres *pgconn.PgError
		lite     *sqlite.Error
	)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		meaning = auth.ErrNotFound
	case errors.Is(err, errNoLease):
		meaning = auth.ErrUnavailable
	case errors.As(err, new(*pgconn.ConnectError)): // whatever the reason, the server accepts no connection
		meaning = connectMeaning(err)
	case errors.Is(err, context.DeadlineExceeded): // the server may be down or busy
		meaning = auth.ErrUnavailable
	case errors.As(err, &postgres):
		if class(postgres) == "22" { // data exception: the message may quote the value
			return fmt.Errorf("%s: the database rejected a value (SQLSTATE %s)", doing, postgres.Code)
		}
		meaning = postgresMeaning(postgres)
	case errors.As(err, &lite):
		meaning = sqliteMeaning(lite)
	case isDisconnect(err):
		meaning = auth.ErrUnreachable
	}
	if meaning == nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fmt.Errorf("%s: %w: %w", doing, meaning, err)
}

// connectMeaning returns the kind of auth.ErrUnavailable of a failed connection: unreachable, unless PostgreSQL has
// answered.
func connectMeaning(err error) error {
	var postgres *pgconn.PgError
	switch {
	case errors.As(err, &postgres) && postgres.Code == "53300": // too_many_connections
		return auth.ErrBusy
	case errors.As(err, &postgres) && class(postgres) != "57", isWrongServer(err):
		return auth.ErrUnavailable
	}
	return auth.ErrUnreachable
}

// postgresMeaning maps an SQLSTATE to an error of auth, or to nil (PostgreSQL documentation, appendix A).
func postgresMeaning(err *pgconn.PgError) error {
	switch err.Code {
	case "23505": // unique_violation
		switch err.ConstraintName {
		case "users_username_key_unique":
			return auth.ErrUsernameTaken
		case "users_email_key_unique":
			return auth.ErrEmailTaken
		case "credentials_passkey_unique", "credentials_identity_unique", "credentials_key_unique":
			return auth.ErrFactorTaken
		}
	case "23503": // foreign_key_violation
		return auth.ErrNotFound
	case "25006": // read_only_sql_transaction: a standby, during a failover
		return auth.ErrUnavailable
	case "25P03", // idle_in_transaction_session_timeout
		"53300", // too_many_connections
		"55P03", // lock_not_available
		"57014": // query_canceled: statement timeout
		return auth.ErrBusy
	}
	switch class(err) {
	case "40": // transaction rollback: serialization failure, deadlock
		return auth.ErrBusy
	case "53", // insufficient resources: disk or memory full
		"58": // system error
		return auth.ErrUnavailable
	case "08", // connection exception
		"57": // operator intervention: shutdown
		return auth.ErrUnreachable
	}
	return nil
}

// class returns the class of an SQLSTATE, its first two characters.
func class(err *pgconn.PgError) string { return err.Code[:min(2, len(err.Code))] }

// sqliteMeaning maps a result code to an error of auth, or to nil (https://www.sqlite.org/rescode.html).
// SQLite names the column of a UNIQUE constraint only in its message, so the message is read for that.
// The conformance suite fails if the message changes.
func sqliteMeaning(err *sqlite.Error) error {
	switch err.Code() {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE:
		switch {
		case strings.Contains(err.Error(), "users.username_key"):
			return auth.ErrUsernameTaken
		case strings.Contains(err.Error(), "users.email_key"):
			return auth.ErrEmailTaken
		case strings.Contains(err.Error(), "credentials.key"):
			return auth.ErrFactorTaken
		}
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return auth.ErrNotFound
	}
	switch err.Code() & 0xff { // the primary code
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL:
		return auth.ErrBusy
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_FULL, sqlite3.SQLITE_NOMEM:
		return auth.ErrUnavailable
	}
	return nil
}

// isDisconnect reports whether the connection to the database failed. A passed deadline is a net.Error too.
func isDisconnect(err error) bool {
	var network net.Error
	return errors.As(err, &network) ||
		errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// isRejected reports whether PostgreSQL rejected a commit, so that the transaction was rolled back. The
// transaction may have been committed if no answer arrived, if the server ended the session (FATAL) or if
// the server does not know (40003, statement_completion_unknown).
func isRejected(err error) bool {
	var postgres *pgconn.PgError
	return errors.Is(err, pgx.ErrTxCommitRollback) ||
		errors.As(err, &postgres) && postgres.SeverityUnlocalized == "ERROR" && postgres.Code != "40003"
}
