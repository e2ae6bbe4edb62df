package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/jackc/pgx/v5"
)

// attach uses the server at TEST_DATABASE_URL. It drops the databases of killed processes. These are the
// databases of a run that no session has as its application_name.
func attach(ctx context.Context, at string) (*Server, error) {
	admin, err := url.Parse(at)
	if err != nil || admin.Scheme != "postgres" && admin.Scheme != "postgresql" {
		// The parser's error would contain the password.
		return nil, errors.New("TEST_DATABASE_URL must have the form postgres://user:password@host/database")
	}
	// These parameters would override the name of each test's database.
	if query := admin.Query(); query.Has("dbname") || query.Has("database") {
		return nil, errors.New("TEST_DATABASE_URL names a database outside of its path")
	}
	s, err := open(ctx, *admin, newRun(), nil)
	if err != nil {
		return nil, fmt.Errorf("TEST_DATABASE_URL: %w", err)
	}
	err = s.do(ctx, func(conn *pgx.Conn) error {
		return dropAll(ctx, conn, `NOT EXISTS (SELECT FROM pg_stat_activity
			WHERE application_name = regexp_replace(d.datname, '_[0-9]+$', ''))`)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("drop the databases of a killed process: %w", err), s.close(ctx))
	}
	return s, nil
}

// dropRun drops the databases of the session's run.
func dropRun(ctx context.Context, conn *pgx.Conn) error {
	return dropAll(ctx, conn, `starts_with(d.datname, current_setting('application_name') || '_')`)
}

// dropAll drops this user's test databases that match an SQL condition on d.
func dropAll(ctx context.Context, conn *pgx.Conn, condition string) error {
	rows, err := conn.Query(ctx, `SELECT d.datname FROM pg_database d
		WHERE d.datname ~ '^`+namePrefix+`[a-z0-9]+_[0-9]+$'
		  AND pg_get_userbyid(d.datdba) = current_user AND `+condition)
	if err != nil {
		return err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := drop(ctx, conn, name); err != nil {
			return err
		}
	}
	return nil
}
