package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"

	"github.com/jackc/pgx/v5"
)

// Pair is a primary and a standby with streaming replication.
type Pair struct{ Primary, Standby *Server }

// StartPair starts two servers like Start. It uses only local programs or those from npm, because a standby
// needs access to the files of its primary.
func StartPair(ctx context.Context) (*Pair, error) {
	programs, err := findPrograms(ctx)
	if err != nil {
		return nil, fmt.Errorf("pgtest: no PostgreSQL found:\n%w\n%s", err, howToInstall)
	}
	root := rootFolder(true)
	primary, standby := newRun(), newRun()
	folder := filepath.Join(root, primary)
	copied := filepath.Join(folder, "copy")
	options := func(settings ...string) (options []string) {
		for _, setting := range slices.Concat(fast, []string{"wal_level=replica", "max_wal_senders=10"}, settings) {
			options = append(options, "-c", setting)
		}
		return options
	}
	p := &Pair{}
	if p.Primary, err = runClusterIn(ctx, primary, folder, programs, copied, options()); err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	follow := fmt.Sprintf("primary_conninfo=host=%s port=5432 user=postgres", folder)
	if p.Standby, err = runClusterIn(ctx, standby, filepath.Join(root, standby), programs, copied, options(follow)); err != nil {
		_ = p.Primary.Stop()
		return nil, fmt.Errorf("pgtest: standby: %w", err)
	}
	return p, nil
}

// Stop stops both servers.
func (p *Pair) Stop() error { return errors.Join(p.Standby.Stop(), p.Primary.Stop()) }

// At returns the URL on s of a database of the other server.
func (s *Server) At(database string) (string, error) {
	u, err := url.Parse(database)
	if err != nil {
		return "", err
	}
	return s.url(u.Path[1:]), nil
}

// Socket returns the path of the server's socket.
func (s *Server) Socket() string {
	return filepath.Join(s.admin.Query().Get("host"), ".s.PGSQL.5432")
}

// Exec runs a statement on the server.
func (s *Server) Exec(ctx context.Context, statement string, args ...any) error {
	return s.do(ctx, func(conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, statement, args...)
		return err
	})
}

// CatchUp waits until the standby has replayed everything that the primary has written.
func (p *Pair) CatchUp(ctx context.Context) error {
	var position string
	err := p.Primary.do(ctx, func(conn *pgx.Conn) error {
		return conn.QueryRow(ctx, "SELECT pg_current_wal_insert_lsn()::text").Scan(&position)
	})
	for there := false; err == nil && !there; {
		err = p.Standby.do(ctx, func(conn *pgx.Conn) error {
			return conn.QueryRow(ctx, "SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn, pg_sleep(0.01)::text", position).Scan(&there, nil)
		})
	}
	return err
}
