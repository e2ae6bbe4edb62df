package store_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/store"
)

// schemaOf describes the tables of a database: columns, constraints, indexes and triggers.
func schemaOf(t *testing.T, s *store.Store) string {
	t.Helper()
	var schema string
	if err := s.Get(t.Context(), &schema, `
		SELECT string_agg(line, E'\n' ORDER BY line) FROM (
			SELECT format('%s column %s %s %s %s %s %s', attrelid::regclass, lpad((SELECT count(*) FROM pg_attribute b WHERE b.attrelid = a.attrelid AND NOT b.attisdropped AND b.attnum BETWEEN 1 AND a.attnum)::text, 2, '0'),
				attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'NOT NULL' END, attcollation::regcollation,
				attgenerated::text || (SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = attrelid AND adnum = attnum)) AS line
			FROM pg_attribute a JOIN pg_class ON oid = attrelid WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND attnum > 0 AND NOT attisdropped
			UNION ALL SELECT format('%s constraint %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
			UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
			UNION ALL SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
			UNION ALL SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
			UNION ALL SELECT 'administration ' || id FROM administration) AS lines`); err != nil {
		t.Fatal(err)
	}
	return schema
}

// runReleased applies a migration as it was in an earlier release, in one transaction.
func runReleased(t *testing.T, s *store.Store, version int64) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("testdata/released/%05d.sql", version))
	if errors.Is(err, fs.ErrNotExist) {
		if err := s.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) SELECT n, true FROM generate_series(5, $1::int) AS numbers (n)
			WHERE NOT EXISTS (SELECT 1 FROM goose_db_version WHERE version_id = n)`, version-1); err != nil {
			t.Fatal(err)
		}
		err = s.UpTo(t.Context(), version)
	} else if err == nil {
		err = s.Exec(t.Context(), string(text))
	}
	if err != nil {
		t.Fatalf("released %d: %v", version, err)
	}
}

// fillVersion4 inserts users, each with a session and an event.
func fillVersion4(t testing.TB, s *store.Store, users, events int) {
	t.Helper()
	for _, statement := range []string{
		`
		INSERT INTO users (id, username, username_key, email, email_key, full_name, roles, password_hash, disabled_at, created_at, updated_at)
		SELECT ` + ids["postgres"] + `,
			CASE WHEN n % 3 > 0 THEN 'User' || n END, CASE WHEN n % 3 > 0 THEN 'user' || n END,
			CASE WHEN n % 3 < 2 THEN 'Mail' || n || '@example.com' END, CASE WHEN n % 3 < 2 THEN 'mail' || n || '@example.com' END,
			'Name ' || n, CASE WHEN n % 1000 = 0 THEN 'USER ADMIN' ELSE 'USER' END, '$argon2id$' || repeat('x', 90),
			CASE WHEN n % 100 = 0 THEN ` + times["postgres"] + ` END, ` + times["postgres"] + `, ` + times["postgres"] + `
		FROM generate_series(1, $1::bigint) AS numbers (n)`, `
		INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at)
		SELECT ` + ids["postgres"] + `, ` + ids["postgres"] + `, ` + times["postgres"] + `, ` + times["postgres"] + `, ` + times["postgres"] + `, '2030-02-01'
		FROM generate_series(1, $1::bigint) AS numbers (n)`,
	} {
		if err := s.Exec(t.Context(), statement, users); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Exec(t.Context(), `INSERT INTO audit_events (id, at, kind, user_id, ip_address, request_id)
		SELECT `+ids["postgres"]+`, `+times["postgres"]+`, 'LOGIN', `+strings.ReplaceAll(ids["postgres"], " n", " (n % 1000)")+`, '192.0.2.1', 'r' || n
		FROM generate_series(1, $1::bigint) AS numbers (n)`, events); err != nil {
		t.Fatal(err)
	}
}

// signIns do what servers of the release before 00005 do, until they are stopped. Each has users of its own.
type signIns struct {
	running sync.WaitGroup
	stopped atomic.Bool
	many    atomic.Int64
	slowest atomic.Int64
}

func (w *signIns) start(ctx context.Context, t *testing.T, at string, servers int) {
	t.Helper()
	for server := range servers {
		s := open(t, at)
		w.running.Go(func() {
			for n := 0; !w.stopped.Load(); n++ {
				begin := time.Now()
				if err := w.one(ctx, s, server, n); err != nil {
					t.Errorf("beside the migration: %v", err)
					return
				}
				w.many.Add(1)
				for took := int64(time.Since(begin)); ; {
					if slowest := w.slowest.Load(); took <= slowest || w.slowest.CompareAndSwap(slowest, took) {
						break
					}
				}
			}
		})
	}
}

func (w *signIns) one(ctx context.Context, s *store.Store, server, n int) error {
	name := fmt.Sprintf("new%d_%d", server, n)
	id := uuid.New()
	for statement, args := range map[string][]any{
		`INSERT INTO users (id, username, username_key, roles, password_hash, created_at, updated_at)
			VALUES ($1, $2, $2, 'USER', '$argon2id$', now(), now())`: {id, name},
		`UPDATE users SET last_login_at = now(), username = 'Renamed' || id, username_key = 'renamed' || id WHERE username_key = $1`: {fmt.Sprintf("user%d", 3*n+1+server%2)},
		`DELETE FROM users WHERE username_key = $1`:                           {fmt.Sprintf("new%d_%d", server, n-3)},
		`INSERT INTO audit_events (id, at, kind) VALUES ($1, now(), 'LOGIN')`: {uuid.Must(uuid.NewV7())},
		`UPDATE users SET last_login_at = now() WHERE email_key = $1`:         {fmt.Sprintf("mail%d@example.com", 3*n)},
	} {
		if err := s.Exec(ctx, statement, args...); err != nil {
			return err
		}
	}
	return nil
}

func (w *signIns) stop() {
	w.stopped.Store(true)
	w.running.Wait()
}

// TestMigrateUsersOnline runs 00005 to 00009 while servers of the previous release sign users up, change and delete them. The result
// must be what the released migrations made, each in one transaction, with every change.
func TestMigrateUsersOnline(t *testing.T) {
	t.Parallel()
	const users = 3000
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	at := empty["postgres"](t)
	s, released := open(t, at), open(t, empty["postgres"](t))
	for _, s := range []*store.Store{s, released} {
		if err := s.UpTo(ctx, 4); err != nil {
			t.Fatal(err)
		}
		fillVersion4(t, s, users, users)
	}
	for version := int64(5); version <= 9; version++ { // those that were not changed are the same
		runReleased(t, released, version)
	}

	// Every change is noted in a table of the test, to compare it.
	exec(t, s, `CREATE SCHEMA test; CREATE TABLE test.users AS SELECT id, username_key, email_key, last_login_at FROM users;
		CREATE UNIQUE INDEX ON test.users (id);
		CREATE FUNCTION test.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF TG_OP <> 'INSERT' THEN DELETE FROM test.users WHERE id = OLD.id; END IF;
			IF TG_OP <> 'DELETE' THEN INSERT INTO test.users VALUES (NEW.id, NEW.username_key, NEW.email_key, NEW.last_login_at); END IF;
			RETURN NULL;
		END $$;
		CREATE TRIGGER note AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION test.note()`)
	var beside signIns
	beside.start(ctx, t, at, 3)
	for version := int64(5); version <= 9; version++ {
		// The first attempts are interrupted at any time, as by a signal.
		for attempt := range 4 {
			within, cancel := context.WithTimeout(ctx, time.Duration(attempt+1)*60*time.Millisecond)
			err := s.UpTo(within, version)
			cancel()
			if err == nil {
				break
			}
		}
		if err := s.UpTo(ctx, version); err != nil {
			beside.stop()
			t.Fatal(err)
		}
	}
	for after := beside.many.Load(); beside.many.Load() < after+5 && ctx.Err() == nil; {
		var one int
		if err := s.Get(ctx, &one, `SELECT 1`); err != nil {
			t.Fatal(err)
		}
	}
	beside.stop()
	t.Logf("%d rounds of sign-ins beside it, the longest %s", beside.many.Load(), time.Duration(beside.slowest.Load()))
	if diff := cmp.Diff(strings.Split(schemaOf(t, released), "\n"), strings.Split(schemaOf(t, s), "\n")); diff != "" {
		t.Errorf("schema (-released +now):\n%s", diff)
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM users WHERE id::text LIKE '01940000%'`: users,
		`SELECT count(*) FROM sessions WHERE ended_at IS NOT NULL`:   users / 100,
		`SELECT count(*) FROM sessions`:                              users,
		// What was noted before the tables changed their names is there, unless it changed again later.
		`SELECT count(*) FROM test.users AS noted WHERE id::text LIKE '01940000%' AND NOT EXISTS (SELECT 1 FROM users
			WHERE users.id = noted.id AND users.email_key IS NOT DISTINCT FROM noted.email_key
				AND (noted.last_login_at IS NULL OR users.last_login_at >= noted.last_login_at))`: 0,
		// Each password is a credential, with its last change. Servers of the previous release went on after the migration.
		`SELECT count(*) FROM users LEFT JOIN credentials ON user_id = users.id WHERE users.id::text LIKE '01940000%' AND secret IS DISTINCT FROM password_hash`: 0,
		`SELECT count(*) FROM users WHERE username_order <> coalesce(username_key, '') OR email_order <> coalesce(email_key, '')`:                                0,
		// Nobody who was deleted is there, and nobody is missing: each server leaves its last three.
		`SELECT count(*) FROM users WHERE username_key LIKE 'new%'`: int(min(9, 3*beside.many.Load())),
	} {
		var got int
		if err := s.Get(ctx, &got, query); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", query, got, err, want)
		}
	}
}

// TestMigrateCredentialsBeside runs 00009 while a user is locked, so that it cannot end. Servers of the previous release then
// sign users up, change passwords and delete users. The result must have every change.
func TestMigrateCredentialsBeside(t *testing.T) {
	t.Parallel()
	const users = 1500
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := open(t, empty["postgres"](t))
	if err := s.UpTo(ctx, 4); err != nil {
		t.Fatal(err)
	}
	fillVersion4(t, s, users, 1)
	if err := s.UpTo(ctx, 8); err != nil {
		t.Fatal(err)
	}
	locking, err := s.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer locking.Close()
	if _, err := locking.ExecContext(ctx, `BEGIN; SELECT 1 FROM users WHERE username_key = 'user7' FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	migrated := make(chan error, 1)
	go func() { migrated <- s.UpTo(ctx, 9) }()
	for copied := 0; copied < users-1; { // all but the one that is locked
		err := s.Get(ctx, &copied, `SELECT CASE WHEN to_regclass('credentials') IS NULL THEN 0 ELSE
			(xpath('/row/n/text()', query_to_xml('SELECT count(*) AS n FROM credentials', false, true, '')))[1]::text::int END`)
		if err != nil {
			t.Fatal(err)
		}
	}
	for statement, args := range map[string][]any{
		`UPDATE users SET password_hash = '$argon2id$changed' WHERE username_key LIKE 'user1%'`:                                                                         nil,
		`DELETE FROM users WHERE email_key LIKE 'mail12%'`:                                                                                                              nil,
		`INSERT INTO users (id, username, username_key, roles, password_hash, created_at, updated_at) VALUES ($1, 'new', 'new', 'USER', '$argon2id$new', now(), now())`: {uuid.New()},
	} {
		if err := s.Exec(ctx, statement, args...); err != nil {
			t.Fatalf("beside the migration: %v", err)
		}
	}
	select {
	case err := <-migrated:
		t.Fatalf("the migration ended without the locked user: %v", err)
	default:
	}
	if _, err := locking.ExecContext(ctx, `UPDATE users SET password_hash = '$argon2id$last' WHERE username_key = 'user7'; COMMIT`); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]int{
		`SELECT count(*) FROM users LEFT JOIN credentials ON user_id = users.id WHERE secret IS DISTINCT FROM password_hash`: 0,
		`SELECT (SELECT count(*) FROM users) - (SELECT count(*) FROM credentials)`:                                           0,
		`SELECT count(*) FROM credentials WHERE secret IN ('$argon2id$last', '$argon2id$new')`:                               2,
		`SELECT count(*) FROM pg_trigger WHERE tgname = 'credentials_copy'`:                                                  0,
	} {
		var got int
		if err := s.Get(ctx, &got, query); err != nil || got != want {
			t.Errorf("%s: %d, %v, want %d", query, got, err, want)
		}
	}
}
