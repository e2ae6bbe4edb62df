package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"

	"usher/internal/auth"
)

var (
	userColumns = []string{
		"id", "username", "username_key", "email", "email_key", "full_name", "full_name_key",
		"roles", "password_hash", "created_at", "updated_at",
	}
	credentialColumns = []string{"id", "user_id", "kind", "secret", "created_at", "updated_at"}
	sessionColumns    = []string{
		"id", "user_id", "auth_time", "created_at", "last_used_at", "expires_at", "ip_address", "user_agent", "secret_digest",
	}
)

func (p population) userRow(n int) []any {
	of, at := p.profile(n), p.createdAt(n)
	return []any{
		of.ID, of.Username, strings.ToLower(of.Username), of.Email, strings.ToLower(of.Email),
		"Full Name of " + of.Username, "full name of " + strings.ToLower(of.Username), string(auth.RoleUser), p.hash, at, at,
	}
}

// credentialRow is the password of user n. It has the id of the account, as after the migration.
func (p population) credentialRow(n int) []any {
	id, at := userID(n).String(), p.createdAt(n)
	return []any{id, id, auth.CredentialPassword, p.hash, at, at}
}

func (p population) sessionRow(k int) []any {
	at := p.sessionStart(k)
	return []any{
		p.sessionID(k).String(), userID(k % p.users).String(), at, at, at, at.Add(30 * 24 * time.Hour),
		"192.0.2.1", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", make([]byte, 32),
	}
}

// fill writes the population to a database.
func (p population) fill(ctx context.Context, at string) error {
	write := fillSQLite
	if !strings.HasPrefix(at, "sqlite:") {
		write = fillPostgres
	}
	return write(ctx, at, []table{
		{"users", userColumns, p.users, p.userRow},
		{"credentials", credentialColumns, p.users, p.credentialRow},
		{"sessions", sessionColumns, p.users * p.sessions, p.sessionRow},
	})
}

// table is the rows to insert into a table.
type table struct {
	name    string
	columns []string
	rows    int
	row     func(int) []any
}

func fillPostgres(ctx context.Context, at string, tables []table) error {
	conn, err := pgx.Connect(ctx, at)
	if err != nil {
		return errors.New("fill database: cannot connect") // the cause may contain a password
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, t := range tables {
		_, err := conn.CopyFrom(ctx, pgx.Identifier{t.name}, t.columns, pgx.CopyFromSlice(t.rows, func(i int) ([]any, error) {
			return t.row(i), nil
		}))
		if err != nil {
			return fmt.Errorf("fill %s: %w", t.name, err)
		}
	}
	// Otherwise autovacuum would run during a measurement.
	_, err = conn.Exec(ctx, `VACUUM ANALYZE`)
	return err
}

// rowsAtOnce is the number of rows that one statement inserts into SQLite.
const rowsAtOnce = 50

func fillSQLite(ctx context.Context, at string, tables []table) (err error) {
	read, write, err := openPools(at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, read.Close(), write.Close()) }()
	tx, err := write.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, t := range tables {
		if err := t.insert(ctx, tx); err != nil {
			return fmt.Errorf("fill %s: %w", t.name, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = write.ExecContext(ctx, `ANALYZE; PRAGMA wal_checkpoint(TRUNCATE)`)
	return err
}

// insert inserts the rows, several with each statement.
func (t table) insert(ctx context.Context, tx *sqlx.Tx) error {
	marks := "(" + strings.TrimSuffix(strings.Repeat("?,", len(t.columns)), ",") + "),"
	statement := func(rows int) string {
		return "INSERT INTO " + t.name + " (" + strings.Join(t.columns, ", ") + ") VALUES " +
			strings.TrimSuffix(strings.Repeat(marks, rows), ",")
	}
	many, err := tx.PreparexContext(ctx, statement(rowsAtOnce)) //nolint:sqlclosecheck // it does not see the defer below
	if err != nil {
		return err
	}
	defer many.Close() //nolint:errcheck // The transaction reports errors.
	args := make([]any, 0, rowsAtOnce*len(t.columns))
	for i := range t.rows {
		if args = append(args, t.row(i)...); len(args) < cap(args) {
			continue
		}
		if _, err := many.ExecContext(ctx, args...); err != nil {
			return err
		}
		args = args[:0]
	}
	if len(args) == 0 {
		return nil
	}
	_, err = tx.ExecContext(ctx, statement(len(args)/len(t.columns)), args...)
	return err
}
