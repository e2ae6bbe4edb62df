package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"usher/internal/store"
)

// TestMigrateBesideSignIns runs migration 00012 while a transaction holds the locks of a sign-in. The migration must not
// wait for it, must leave its user alone, and must be able to start over after an interruption.
func TestMigrateBesideSignIns(t *testing.T) {
	t.Parallel()
	const users, sessions = 2500, 2300 // several batches, and users without a session
	s := open(t, empty["postgres"](t))
	if err := s.UpTo(t.Context(), 11); err != nil {
		t.Fatal(err)
	}
	fillUsers(t, "postgres", s, users)
	fillSessions(t, "postgres", s, sessions, users)
	exec(t, s, `UPDATE users SET last_login_at = '2031-01-01' WHERE id = '01940000-0000-7000-8000-000000000100'`)

	conn, err := s.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	signIn, err := conn.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer signIn.Rollback()
	const signsIn = `'01940000-0000-7000-8000-000000000042'`
	if _, err := signIn.ExecContext(t.Context(), `SELECT 1 FROM users WHERE id = `+signsIn+` FOR NO KEY UPDATE`); err != nil {
		t.Fatal(err)
	}
	migrateFrom11(t, s)
	check := func(when string, stale int) {
		t.Helper()
		for query, want := range map[string]int{
			`SELECT count(*) FROM users WHERE last_login_at = '2030-01-04 00:00:00+00:00'`:        sessions - 1 - stale,
			`SELECT count(*) FROM users WHERE last_login_at = '2031-01-01'`:                       1, // later than its session
			`SELECT count(*) FROM users WHERE last_login_at IS NULL`:                              users - sessions + stale,
			`SELECT count(*) FROM users WHERE last_login_at IS NULL AND id = ` + signsIn:          stale,
			`SELECT count(*) FROM pg_index WHERE NOT indisvalid`:                                  0,
			`SELECT count(*) FROM pg_constraint WHERE conname = 'audit_events_identifier_length'`: 1,
		} {
			var got int
			if err := s.Get(t.Context(), &got, query); err != nil || got != want {
				t.Errorf("%s, %s: %d, %v, want %d", when, query, got, err, want)
			}
		}
	}
	check("beside a sign-in", 1)

	if err := signIn.Rollback(); err != nil {
		t.Fatal(err)
	}
	// A concurrent creation that fails leaves an invalid index, which keeps its name.
	exec(t, s, `DROP INDEX audit_events_actor_id_id_idx`)
	if err := s.Exec(t.Context(), `CREATE UNIQUE INDEX CONCURRENTLY audit_events_actor_id_id_idx ON users (created_at)`); err == nil {
		t.Fatal("the times of creation are unique, so this leaves no invalid index")
	}
	exec(t, s, `DELETE FROM goose_db_version WHERE version_id = 12`)
	migrateFrom11(t, s)
	check("again", 0)
}

// TestMigrateBesideBackup runs migrations while a transaction reads a table that they change, as pg_dump does for as long
// as it runs. Sign-ins must not wait until it ends, and the migration must end after it.
func TestMigrateBesideBackup(t *testing.T) {
	t.Parallel()
	const (
		signsIn = `UPDATE users SET last_login_at = '2031-01-01'`
		isNoted = `INSERT INTO audit_events (id, at, kind) VALUES ('01940000-0000-7000-8000-000000000042', now(), 'LOGIN')`
	)
	for _, tt := range []struct {
		version          int64
		table, meanwhile string
		also             string // about the table that the same migration has changed before
	}{
		{version: 10, table: "users", meanwhile: signsIn},
		{version: 10, table: "audit_events", meanwhile: isNoted, also: signsIn},
		{version: 11, table: "users", meanwhile: signsIn},
		{version: 12, table: "audit_events", meanwhile: isNoted},
		{version: 13, table: "users", meanwhile: signsIn},
	} {
		t.Run(fmt.Sprintf("%05d %s", tt.version, tt.table), func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			s := open(t, empty["postgres"](t))
			if err := s.UpTo(ctx, tt.version-1); err != nil {
				t.Fatal(err)
			}
			fillUsers(t, "postgres", s, 10)
			conn, err := s.Conn(ctx)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			backup, err := conn.BeginTx(ctx, nil)
			if err != nil {
				t.Fatal(err)
			}
			defer backup.Rollback()
			if _, err := backup.ExecContext(ctx, `SELECT id FROM `+tt.table); err != nil {
				t.Fatal(err)
			}

			migrated := make(chan error, 1)
			go func() { migrated <- s.UpTo(ctx, tt.version) }()
			for waits := 0; waits == 0; {
				err := s.Get(ctx, &waits, `SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
					WHERE datname = current_database() AND relation = $1::regclass AND NOT granted`, tt.table)
				if err != nil {
					t.Fatalf("the migration does not wait: %v", err)
				}
			}
			// These wait behind the migration.
			for _, statement := range []string{tt.meanwhile, tt.also} {
				if err := s.Exec(ctx, statement); err != nil {
					t.Fatalf("sign in during the migration: %v", err)
				}
			}
			select {
			case err := <-migrated:
				t.Fatalf("the migration ended beside the backup: %v", err)
			default:
			}
			if err := backup.Rollback(); err != nil {
				t.Fatal(err)
			}
			if err := <-migrated; err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestMigrationsAsReleased compares the schema after 00010 and 00011 with that of the databases that got them before they
// had a lock_timeout.
func TestMigrationsAsReleased(t *testing.T) {
	t.Parallel()
	s, released := open(t, empty["postgres"](t)), open(t, empty["postgres"](t))
	if err := errors.Join(s.UpTo(t.Context(), 11), released.UpTo(t.Context(), 9)); err != nil {
		t.Fatal(err)
	}
	runReleased(t, released, 10)
	runReleased(t, released, 11)
	if diff := cmp.Diff(schemaOf(t, released), schemaOf(t, s)); diff != "" {
		t.Errorf("schema (-released +now):\n%s", diff)
	}
}

// migrateFrom11 applies migration 00012, and fails if it waits for a lock.
func migrateFrom11(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.UpTo(ctx, 12); err != nil {
		t.Fatal(err)
	}
}

// TestMigrationsLockBriefly reads the migrations for PostgreSQL and finds statements that hold a lock for as long as they
// read or write a whole table: constraints without NOT VALID, indexes without CONCURRENTLY, and updates without batches.
func TestMigrationsLockBriefly(t *testing.T) {
	online := []string{"00005", "00006", "00009"} // were changed later
	const first = "00010"                         // the other earlier ones are released, and docs/databases.md says how long they take
	files, err := filepath.Glob("migrations/postgres/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, file := range files {
		version, _, _ := strings.Cut(filepath.Base(file), "_")
		if version < first && !slices.Contains(online, version) {
			continue
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		checked++
		for _, statement := range longLocks(string(text)) {
			t.Errorf("%s: this statement locks a table for long:\n%s", file, statement)
		}
		for _, statement := range unboundedLocks(string(text)) {
			t.Errorf("%s: this statement may wait for a lock, and others behind it, for any time:\n%s", file, statement)
		}
	}
	if checked < 9 {
		t.Errorf("%d migrations were checked", checked)
	}
	for _, bad := range []string{
		"ALTER TABLE users ADD COLUMN a text CHECK (a <> '')", "ALTER TABLE users ADD CHECK (id > 1) NOT VALID, ADD CHECK (id > 2)",
		"ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES c (d)", "ALTER TABLE users ALTER COLUMN a SET NOT NULL",
		"CREATE UNIQUE INDEX i ON users (a)", "CREATE INDEX IF NOT EXISTS i ON users (a)",
		"CREATE TABLE b (a text); CREATE INDEX i ON users (a)",
		"DO $$ BEGIN LOOP BEGIN ALTER TABLE users ALTER COLUMN a SET NOT NULL; END; END LOOP; END $$;", "UPDATE users SET a = 1", "DELETE FROM sessions",
	} {
		if len(longLocks(bad)) != 1 {
			t.Errorf("not found: %s", bad)
		}
	}
}

// TestMigrationsBoundLocks is about the rule that TestMigrationsLockBriefly checks last.
func TestMigrationsBoundLocks(t *testing.T) {
	t.Parallel()
	const inLoop = "\n-- +goose StatementBegin\nDO $$ BEGIN PERFORM set_config('lock_timeout', '500ms', true); ALTER TABLE users ADD a text; END $$;\n-- +goose StatementEnd\n"
	for text, bad := range map[string]int{
		"ALTER TABLE users ADD COLUMN a text;": 1,
		inLoop:                                 0,
		inLoop + "ALTER TABLE users ADD COLUMN b text;": 1,
		"DROP TABLE old;":                     1,
		"LOCK TABLE users IN EXCLUSIVE MODE;": 1,
		"CREATE TRIGGER a BEFORE INSERT ON users EXECUTE FUNCTION f();": 1,
		"DROP INDEX i;":                                                             1,
		"DROP INDEX CONCURRENTLY IF EXISTS i;":                                      0,
		"CREATE INDEX CONCURRENTLY i ON users (a);":                                 0,
		"ALTER TABLE users VALIDATE CONSTRAINT c;":                                  0,
		"ALTER TABLE users SET (fillfactor = 90);":                                  0,
		"CREATE TABLE a (b text); ALTER TABLE a ADD COLUMN c text;":                 0,
		"CREATE TABLE a (b text REFERENCES users (id));":                            1,
		"CREATE TABLE a (b text); CREATE TABLE c (d text REFERENCES a (b));":        0,
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ DROP TABLE users; $$; ": 0,
	} {
		if found := unboundedLocks(text); len(found) != bad {
			t.Errorf("%s\nfound %q, want %d", text, found, bad)
		}
	}
}

// unboundedLocks returns the statements of a migration that wait for a lock on an existing table without a lock_timeout.
// Statements that do not keep others waiting need none.
func unboundedLocks(migration string) (found []string) {
	plain := sqlComments.ReplaceAllString(migration, "")
	created := map[string]bool{}
	for _, m := range createdTable.FindAllStringSubmatch(plain, -1) {
		created[m[1]] = true
	}
	plain = functions.ReplaceAllString(plain, "")
	plain = references.ReplaceAllStringFunc(plain, func(text string) string {
		if created[strings.TrimPrefix(text, "REFERENCES ")] {
			return ""
		}
		return text
	})
	blocks := doBlocks.FindAllString(plain, -1)
	for _, block := range blocks {
		if !strings.Contains(block, "'lock_timeout'") && waits.MatchString(block) && !strings.Contains(block, "VALIDATE CONSTRAINT") {
			found = append(found, block)
		}
	}
	for statement := range strings.SplitSeq(doBlocks.ReplaceAllString(plain, ""), ";") {
		statement = strings.Join(strings.Fields(statement), " ")
		if changed := changedTable.FindStringSubmatch(statement); changed != nil && created[changed[1]] {
			continue
		}
		if waits.MatchString(statement) && !strings.Contains(statement, "VALIDATE CONSTRAINT") && !strings.Contains(statement, " SET (fillfactor") {
			found = append(found, statement)
		}
	}
	return found
}

var (
	functions = regexp.MustCompile(`(?s)CREATE (?:OR REPLACE )?FUNCTION.*?\$\$.*?\$\$;`)
	doBlocks  = regexp.MustCompile(`(?s)DO \$\$.*?\$\$;`)
	waits     = regexp.MustCompile(`\b(ALTER TABLE|LOCK TABLE|DROP TABLE|CREATE TRIGGER|DROP TRIGGER|TRUNCATE|REFERENCES|DROP INDEX (?:IF|\w+;?$|[a-z]))`)
)

var (
	sqlComments  = regexp.MustCompile(`(?m)--.*$`)
	createdTable = regexp.MustCompile(`CREATE TABLE (?:IF NOT EXISTS )?(\w+)`)
	indexedTable = regexp.MustCompile(`^CREATE (?:UNIQUE )?INDEX (?:IF NOT EXISTS )?\w+ ON (\w+) \(`)
	references   = regexp.MustCompile(`REFERENCES \w+`)
	constraint   = regexp.MustCompile(`\b(CHECK|FOREIGN KEY|REFERENCES)\b`)
	changedTable = regexp.MustCompile(`^ALTER TABLE (\w+)`)
	nesting      = regexp.MustCompile(`^(?:(?:DO \$\$|BEGIN|LOOP) )+`)
	tableRewrite = regexp.MustCompile(`\b(SET NOT NULL|TYPE|STORED|ADD PRIMARY KEY|ADD UNIQUE)\b`)
)

// longLocks returns the statements of a migration that hold a lock on an existing table for long. It does not look into a
// DO statement that commits between its batches.
func longLocks(migration string) (found []string) {
	plain := sqlComments.ReplaceAllString(migration, "")
	created := map[string]bool{}
	for _, m := range createdTable.FindAllStringSubmatch(plain, -1) {
		created[m[1]] = true
	}
	plain = functions.ReplaceAllString(plain, "") // they run later
	plain = doBlocks.ReplaceAllStringFunc(plain, func(block string) string {
		if strings.Contains(block, "COMMIT;") {
			return ""
		}
		return block
	})
	for statement := range strings.SplitSeq(plain, ";") {
		statement = nesting.ReplaceAllString(strings.Join(strings.Fields(statement), " "), "")
		index := indexedTable.FindStringSubmatch(statement)
		if changed := changedTable.FindStringSubmatch(statement); changed != nil && created[changed[1]] {
			continue
		}
		switch {
		case index != nil && !created[index[1]],
			strings.HasPrefix(statement, "UPDATE "), strings.HasPrefix(statement, "DELETE "),
			strings.HasPrefix(statement, "ALTER TABLE ") && tableRewrite.MatchString(statement),
			strings.HasPrefix(statement, "ALTER TABLE ") && len(checks(statement)) > strings.Count(statement, "NOT VALID"):
			found = append(found, statement)
		}
	}
	return found
}

// checks returns the constraints of a statement. A foreign key counts once.
func checks(statement string) []string {
	return constraint.FindAllString(strings.ReplaceAll(statement, "FOREIGN KEY", ""), -1)
}
