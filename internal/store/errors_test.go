package store_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

func TestFault(t *testing.T) {
	other := errors.New("something else")
	postgres := func(code, constraint string) error {
		return &pgconn.PgError{Code: code, ConstraintName: constraint, Message: "message", Detail: "Key (email_key)=(ada@example.com)"}
	}
	for _, c := range []struct{ err, want error }{
		{nil, nil},
		{other, other},
		{sql.ErrNoRows, auth.ErrNotFound},
		{context.Canceled, context.Canceled},
		{context.DeadlineExceeded, auth.ErrUnavailable},
		{context.DeadlineExceeded, context.DeadlineExceeded},
		{driver.ErrBadConn, auth.ErrUnreachable},
		{pgconn.ErrConnClosed, auth.ErrUnreachable},
		{io.ErrUnexpectedEOF, auth.ErrUnreachable},
		{net.ErrClosed, auth.ErrUnreachable},
		{&net.OpError{Op: "read", Err: errors.New("connection reset by peer")}, auth.ErrUnreachable},
		{postgres("23505", "users_username_key_unique"), auth.ErrUsernameTaken},
		{postgres("23505", "users_email_key_unique"), auth.ErrEmailTaken},
		{postgres("23505", "users_pkey"), nil},
		{postgres("23503", "sessions_user_id_fkey"), auth.ErrNotFound},
		{postgres("23514", "users_email_key_unique"), nil},
		{postgres("08006", ""), auth.ErrUnreachable},
		{postgres("53300", ""), auth.ErrBusy},
		{postgres("57P01", ""), auth.ErrUnreachable},
		{postgres("57P03", ""), auth.ErrUnreachable},
		{postgres("57014", ""), auth.ErrBusy},
		{postgres("40001", ""), auth.ErrBusy},
		{postgres("40P01", ""), auth.ErrBusy},
		{postgres("25006", ""), auth.ErrUnavailable},
		{postgres("58030", ""), auth.ErrUnavailable},
		{postgres("28P01", ""), nil},
		{postgres("", ""), nil},
		{postgres("42501", ""), nil},
	} {
		for _, err := range []error{c.err, wrap(c.err)} {
			got := store.Fault(t.Context(), "test", err)
			switch {
			case err == nil:
				if got != nil {
					t.Errorf("no error became %v", got)
				}
				continue
			case !errors.Is(got, err):
				t.Errorf("%v became %v, which is not it any more", err, got)
			case c.want != nil:
				wantError(t, err.Error(), got, c.want)
				for _, kind := range []error{auth.ErrBusy, auth.ErrUnreachable} {
					if errors.Is(got, kind) != errors.Is(c.want, kind) {
						t.Errorf("%v became %v, want only %v", err, got, c.want)
					}
				}
				if errors.Is(c.want, auth.ErrUnavailable) && !errors.Is(got, auth.ErrUnavailable) {
					t.Errorf("%v became %v, which is no ErrUnavailable", err, got)
				}
			default:
				for _, meaning := range []error{auth.ErrNotFound, auth.ErrUsernameTaken, auth.ErrEmailTaken, auth.ErrUnavailable} {
					if errors.Is(got, meaning) {
						t.Errorf("%v became %v", err, got)
					}
				}
			}
			if !strings.HasPrefix(got.Error(), "test: ") || strings.Contains(got.Error(), "ada@example.com") {
				t.Errorf("the error reads %q", got)
			}
		}
	}

	quoting := &pgconn.PgError{Code: "22P02", Message: `invalid input syntax for type uuid: "secret"`}
	if got := store.Fault(t.Context(), "test", quoting); got == nil || strings.Contains(got.Error(), "secret") {
		t.Errorf("an error that quotes a value became %v", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, "an error after the caller cancelled", store.Fault(ctx, "test", sql.ErrTxDone), context.Canceled)
}

func wrap(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("wrapped: %w", err)
}

// TestPostgresEndsSession terminates the server process in the middle of a transaction.
func TestPostgresEndsSession(t *testing.T) {
	s := open(t, storetest.URLs["postgres"](t))
	err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		if err := countAttempt(ctx, tx, "key"); err != nil {
			return err
		}
		if err := tx.(*store.Store).Exec(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`); err == nil {
			t.Error("the session did not end")
		}
		return countAttempt(ctx, tx, "key")
	})
	wantError(t, "InTx", err, auth.ErrUnreachable)
	if a, err := s.Attempts(t.Context(), auth.AttemptCounter{Key: "key"}); err != nil || a.Count != 0 {
		t.Errorf("Attempts on a new connection: %v, %v, want none", a, err)
	}
}

// TestPostgresStatementTimeout limits only the statements of one transaction: a limit for the whole connection can end its
// set-up too.
func TestPostgresStatementTimeout(t *testing.T) {
	at := storetest.URLs["postgres"](t)
	locking, waiting := open(t, at), open(t, at)
	err := locking.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		if err := countAttempt(ctx, tx, "key"); err != nil {
			return err
		}
		err := waiting.InTx(ctx, func(ctx context.Context, tx auth.Store) error {
			if err := tx.(*store.Store).Exec(ctx, `SET LOCAL statement_timeout = 10`); err != nil {
				return err
			}
			err := countAttempt(ctx, tx, "key")
			wantError(t, "a statement that waits for a lock", err, auth.ErrBusy)
			return err
		})
		wantError(t, "InTx", err, auth.ErrBusy)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestSQLiteLocked holds the write lock as another process.
func TestSQLiteLocked(t *testing.T) {
	at := storetest.URLs["sqlite"](t)
	first, second := open(t, at), open(t, at)
	if err := second.Exec(t.Context(), `PRAGMA busy_timeout = 0`); err != nil {
		t.Fatal(err)
	}
	err := first.InTx(t.Context(), func(ctx context.Context, _ auth.Store) error {
		wantError(t, "ReserveAttempt", countAttempt(ctx, second, "key"), auth.ErrBusy)
		err := second.InTx(ctx, func(context.Context, auth.Store) error {
			t.Error("a second transaction began")
			return nil
		})
		wantError(t, "InTx", err, auth.ErrBusy)
		if _, err := second.Attempts(ctx, auth.AttemptCounter{Key: "key"}); err != nil {
			t.Errorf("a reader was locked out: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := countAttempt(t.Context(), second, "key"); err != nil {
		t.Error(err)
	}
}

func TestSQLiteFull(t *testing.T) {
	s := open(t, storetest.URLs["sqlite"](t))
	if err := s.Exec(t.Context(), `PRAGMA max_page_count = 1`); err != nil { // allows no further page
		t.Fatal(err)
	}
	var err error
	for n := 0; err == nil && n < 1000; n++ {
		err = countAttempt(t.Context(), s, strings.Repeat("x", 250)+fmt.Sprint(n))
	}
	wantError(t, "ReserveAttempt", err, auth.ErrUnavailable)
}

// countAttempt reserves an attempt, which writes one row.
func countAttempt(ctx context.Context, s auth.Store, key string) error {
	_, err := s.ReserveAttempt(ctx, auth.AttemptCounter{Key: key}, auth.Attempts{}, time.Unix(0, 0))
	return err
}

// TestSQLiteReadOnly makes the database read-only.
func TestSQLiteReadOnly(t *testing.T) {
	s := open(t, storetest.URLs["sqlite"](t))
	if err := s.Exec(t.Context(), `PRAGMA query_only = 1`); err != nil { // on the writing connection
		t.Fatal(err)
	}
	wantError(t, "ReserveAttempt", countAttempt(t.Context(), s, "key"), auth.ErrUnavailable)
}

// wantError fails the test unless err is want.
func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}
