package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// Inspection is what a database says of itself.
type Inspection struct {
	// Product is the name and the version of the database. Old is set if the version is older than Usher supports.
	Product string
	Old     bool
	// Role is the user of PostgreSQL. Superuser is set if nothing is denied to it.
	Role      string
	Superuser bool
	// Denied are rights that the role needs and does not have, such as "UPDATE on users".
	Denied []string
	// Migrates reports whether the role may migrate the database.
	Migrates bool
	// Ahead is how much the clock of the database is ahead of this machine's, within Accuracy.
	Ahead, Accuracy time.Duration
	// Current is the database's version, and Latest is that of this program.
	Current, Latest int64
}

// tables are the tables that the server reads and writes.
var tables = []string{
	"administration", "audit_events", "audit_retention", "ceremonies", "credentials", "login_failures", "mail_messages", "mailed_secrets", "oauth_clients",
	"password_attempts", "rate_limits", "role_permissions", "roles", "server_secrets", "sessions", "signing_keys", "solved_challenges", "users",
}

// appendOnly has the table that the server only appends to.
const appendOnly = "audit_events"

// ErrNoFile means that the file of a SQLite database does not exist.
var ErrNoFile = errors.New("the database file does not exist")

// OpenToInspect is Open for a Store that is only read. It changes nothing: a SQLite file must exist, see ErrNoFile.
func OpenToInspect(ctx context.Context, at string, o Options) (*Store, error) {
	o.readOnly = true
	return Open(ctx, at, o)
}

// openSQLiteReadOnly opens an existing file.
func (s *Store) openSQLiteReadOnly(path string, o Options) error {
	file, err := filepath.Abs(path)
	if err != nil {
		return fmt.Errorf("database file: %w", err)
	}
	switch info, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist):
		if err := folderExists(file); err != nil && !o.CreateFolder {
			return err
		}
		return fmt.Errorf("%q: %w", file, ErrNoFile)
	case err != nil:
		return &OpenError{Problem: fileProblem(file, err), cause: err}
	case info.IsDir():
		return &OpenError{Problem: fmt.Sprintf("the database file %q is a folder", file), cause: fs.ErrInvalid}
	}
	s.file, s.dialect = file, goose.DialectSQLite3
	s.reader, err = openPool(fileURI(file)+"?mode=ro&_time_format=sqlite&_pragma=busy_timeout(2000)&_pragma=query_only(1)", o.MaxConns)
	s.writer = s.reader
	s.use(&statements{DB: s.reader}, s.reader)
	return err
}

// Inspect asks the database.
func (s *Store) Inspect(ctx context.Context) (*Inspection, error) {
	i := &Inspection{Latest: s.latest}
	var err error
	if i.Current, err = s.version(ctx); err != nil {
		return nil, err
	}
	if s.dialect == goose.DialectSQLite3 {
		return i, s.inspectSQLite(ctx, i)
	}
	return i, s.inspectPostgres(ctx, i)
}

func (s *Store) inspectSQLite(ctx context.Context, i *Inspection) error {
	const doing = "inspect the database"
	var version, journal string
	if err := s.reader.GetContext(ctx, &version, `SELECT sqlite_version()`); err != nil {
		return fault(ctx, doing, err)
	}
	if err := s.reader.GetContext(ctx, &journal, `PRAGMA journal_mode`); err != nil { // it reads the file itself
		return fault(ctx, doing, err)
	}
	i.Product = "SQLite " + version + ", journal " + journal
	// SQLite creates files beside the database.
	for _, path := range []string{s.file, filepath.Dir(s.file)} {
		if writable(path) != nil {
			i.Denied = append(i.Denied, "to write "+path)
		}
	}
	i.Migrates = len(i.Denied) == 0
	return nil
}

// oldestPostgres is the oldest supported version.
const oldestPostgres = 12_00_00

func (s *Store) inspectPostgres(ctx context.Context, i *Inspection) error {
	const doing = "inspect the database"
	var found struct {
		Version   string
		Number    int
		Role      string
		Superuser bool
		Creates   bool
		Now       time.Time
	}
	before := s.postgres.now()
	err := s.reader.GetContext(ctx, &found, `
		SELECT clock_timestamp() AS now, current_setting('server_version') AS version,
			current_setting('server_version_num')::int AS number, current_user AS role,
			COALESCE((SELECT rolsuper FROM pg_roles WHERE rolname = current_user), false) AS superuser,
			COALESCE(has_schema_privilege(current_schema(), 'CREATE'), false) AS creates`)
	if err != nil {
		return fault(ctx, doing, err)
	}
	// The clock was read somewhere between.
	i.Accuracy = s.postgres.now().Sub(before) / 2
	i.Ahead = found.Now.Sub(before.Add(i.Accuracy))
	version, _, _ := strings.Cut(found.Version, " ")
	i.Product, i.Old = "PostgreSQL "+version, found.Number < oldestPostgres
	i.Role, i.Superuser, i.Migrates = found.Role, found.Superuser, found.Creates
	var rights []struct {
		Name                            string
		Reads, Inserts, Updates, Delete bool
		Owns                            bool
	}
	err = s.reader.SelectContext(ctx, &rights, `
		SELECT relname AS name, has_table_privilege(oid, 'SELECT') AS reads, has_table_privilege(oid, 'INSERT') AS inserts,
			has_table_privilege(oid, 'UPDATE') AS updates, has_table_privilege(oid, 'DELETE') AS delete,
			pg_has_role(relowner, 'USAGE') AS owns
		FROM pg_class WHERE relkind IN ('r', 'p') AND pg_table_is_visible(oid) ORDER BY relname`)
	if err != nil {
		return fault(ctx, doing, err)
	}
	for _, r := range rights {
		if !slices.Contains(tables, r.Name) {
			continue
		}
		i.Migrates = i.Migrates && r.Owns
		for _, right := range []struct {
			name    string
			has     bool
			writing bool
		}{{"SELECT", r.Reads, false}, {"INSERT", r.Inserts, false}, {"UPDATE", r.Updates, true}, {"DELETE", r.Delete, true}} {
			if !right.has && (!right.writing || r.Name != appendOnly) {
				i.Denied = append(i.Denied, right.name+" on "+r.Name)
			}
		}
	}
	return nil
}
