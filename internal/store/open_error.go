package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// OpenError says in one line why Open or Migrate failed. It wraps the cause, whose text is for the log.
type OpenError struct {
	Problem string
	// MayPass is set if PostgreSQL cannot be reached or accepts no writes, so that a later Open may succeed. It is
	// not set if PostgreSQL rejects the role, the password or the database.
	MayPass bool

	cause error
}

func (e *OpenError) Error() string { return e.Problem }

// Unwrap returns the cause.
func (e *OpenError) Unwrap() error { return e.cause }

// postgresProblem explains err, the error of the first connection.
func postgresProblem(config *pgx.ConnConfig, err error) (problem string, mayPass bool) {
	at := "PostgreSQL at " + addresses(config)
	var refused *pgconn.PgError
	var unknown *net.DNSError
	switch {
	case errors.As(err, &refused):
		return refusal(config, at, refused)
	case isWrongServer(err):
		return at + " accepts no writes", true
	case errors.Is(err, errNoLease), errors.Is(err, errNoAnswer):
		return at + " does not confirm a commit in time. Check its synchronous standby", true
	case errors.As(err, &unknown) && unknown.IsNotFound:
		return fmt.Sprintf("the host %q of the database is unknown", unknown.Name), true
	}
	return at + " cannot be reached: " + reason(err), isDisconnect(err)
}

const insufficientPrivilege = "42501"

// refusal explains the SQLSTATE with which PostgreSQL refuses a connection.
func refusal(config *pgx.ConnConfig, at string, err *pgconn.PgError) (problem string, mayPass bool) {
	message := oneLine(err.Message)
	switch err.Code {
	case "28P01": // invalid_password, also for a role that does not exist
		return fmt.Sprintf("%s rejects the password of the role %q", at, config.User), false
	case "3D000": // invalid_catalog_name
		return fmt.Sprintf("%s has no database %q", at, config.Database), false
	case "28000", insufficientPrivilege: // invalid_authorization_specification
		return fmt.Sprintf("%s does not let the role %q use the database %q: %s", at, config.User, config.Database, message), false
	case "57P03": // cannot_connect_now
		return at + " accepts no connections yet: " + message, true
	case "53300": // too_many_connections
		return at + " has no free connection: " + message, true
	}
	return fmt.Sprintf("%s refuses the connection: %s (SQLSTATE %s)", at, message, err.Code), false
}

// reason returns the innermost cause of a failed connection, in one line.
func reason(err error) string {
	var errno syscall.Errno
	var network net.Error
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout():
		return "no answer"
	}
	text := err.Error()
	if failed := new(pgconn.ConnectError); errors.As(err, &failed) {
		text = cmp.Or(errors.Unwrap(failed), err).Error() // without the user and the database, which every line of it repeats
	}
	return oneLine(text)
}

// oneLine replaces white space, also line breaks, by single spaces.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// addresses returns the addresses of all hosts in a URL, each once: pgx lists a host twice to try it with and
// without TLS.
func addresses(config *pgx.ConnConfig) string {
	all := []string{address(config.Host, config.Port)}
	for _, other := range config.Fallbacks {
		if next := address(other.Host, other.Port); !slices.Contains(all, next) {
			all = append(all, next)
		}
	}
	return strings.Join(all, " and ")
}

func address(host string, port uint16) string {
	if strings.HasPrefix(host, "/") {
		return host // the folder of a socket
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}

// fileProblem explains why the database file at path cannot be created or opened.
func fileProblem(path string, err error) string {
	var (
		at   *fs.PathError
		lite *sqlite.Error
	)
	cause := oneLine(err.Error())
	switch {
	case errors.As(err, &at):
		cause = at.Err.Error()
	case errors.As(err, &lite):
		switch lite.Code() & 0xff { // the primary code
		case sqlite3.SQLITE_NOTADB:
			return fmt.Sprintf("the file %q is not a SQLite database", path)
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
			return fmt.Sprintf("another process has locked the database file %q", path)
		}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			cause = "it is a folder"
		}
	}
	return fmt.Sprintf("the database file %q cannot be opened: %s", path, cause)
}
