package store_test

import (
	"strings"
	"testing"

	"usher/internal/store"
)

// ids are SQL expressions for an ID that sorts like the number n.
var ids = map[string]string{
	"sqlite":   `'01940000-0000-7000-8000-' || substr('000000000000' || n, 1 + length('' || n))`,
	"postgres": `CAST('01940000-0000-7000-8000-' || substr('000000000000' || n, 1 + length('' || n)) AS uuid)`,
}

// times are SQL expressions for a time.
var times = map[string]string{
	"sqlite":   `'2030-01-04 00:00:00+00:00'`,
	"postgres": `CAST('2030-01-04 00:00:00+00:00' AS timestamptz)`,
}

// numbers selects the numbers n from 1 to $1, each with a name. Names do not sort like the numbers.
const numbers = `
	WITH RECURSIVE count(n) AS (SELECT CAST(1 AS bigint) UNION ALL SELECT n + 1 FROM count WHERE n < $1),
	numbers(n, name) AS (SELECT n, n * 2654435761 % 4294967296 FROM count)`

// fillUsers inserts many users. One in three has no user name, and one in three has no email address. One in
// 100 is disabled, and one in 1000 is an administrator.
func fillUsers(t testing.TB, kind string, s *store.Store, many int) {
	t.Helper()
	if err := s.Exec(t.Context(), numbers+`
		INSERT INTO users (
			id, username, username_key, email, email_key, full_name, full_name_key,
			roles, password_hash, disabled_at, created_at, updated_at)
		SELECT `+ids[kind]+`,
			CASE WHEN n % 3 > 0 THEN 'User' || name END, CASE WHEN n % 3 > 0 THEN 'user' || name END,
			CASE WHEN n % 3 < 2 THEN 'Mail' || name || '@example.com' END, CASE WHEN n % 3 < 2 THEN 'mail' || name || '@example.com' END,
			'Name ' || name, 'name ' || name,
			CASE WHEN n % 1000 = 0 THEN 'USER ADMIN' ELSE 'USER' END, '$argon2id$',
			CASE WHEN n % 100 = 0 THEN `+times[kind]+` END,
			`+times[kind]+`, `+times[kind]+`
		FROM numbers`, many); err != nil {
		t.Fatal(err)
	}
}

// fillSessions inserts as many sessions of the first users, in turn.
func fillSessions(t testing.TB, kind string, s *store.Store, many, users int) {
	t.Helper()
	bytes := map[string]string{"sqlite": "blob", "postgres": "bytea"}[kind]
	if err := s.Exec(t.Context(), numbers+`
		INSERT INTO sessions (id, user_id, auth_time, created_at, last_used_at, expires_at, secret_digest)
		SELECT `+ids[kind]+`, owner, `+times[kind]+`, `+times[kind]+`, `+times[kind]+`, '2030-02-01', CAST('`+strings.Repeat("x", 32)+`' AS `+bytes+`)
		FROM (SELECT n, `+strings.ReplaceAll(ids[kind], " n", " (1 + n % $2)")+` AS owner FROM numbers) numbers`, many, users); err != nil {
		t.Fatal(err)
	}
}

// fillAttempts inserts many attempt counters. Half of them belong to users.
func fillAttempts(t testing.TB, kind string, s *store.Store, many int) {
	t.Helper()
	if err := s.Exec(t.Context(), numbers+`
		INSERT INTO password_attempts (key, user_id, count, last_at)
		SELECT 'key ' || n, CASE WHEN n % 2 = 0 THEN `+ids[kind]+` END, 1, `+times[kind]+` FROM numbers`, many); err != nil {
		t.Fatal(err)
	}
}

// fillEvents inserts many audit events for 1000 users.
func fillEvents(t testing.TB, kind string, s *store.Store, many int) {
	t.Helper()
	if err := s.Exec(t.Context(), numbers+`
		INSERT INTO audit_events (id, at, kind, user_id, actor_id)
		SELECT `+ids[kind]+`, `+times[kind]+`,
			CASE WHEN n % 100 = 0 THEN 'SIGNUP' ELSE 'LOGIN' END, subject, subject
		FROM (SELECT n, `+strings.ReplaceAll(ids[kind], " n", " n % 1000")+` AS subject FROM numbers) numbers`, many); err != nil {
		t.Fatal(err)
	}
}

// fillMonths copies events into all partitions of the audit log on PostgreSQL.
func fillMonths(t testing.TB, s *store.Store, many int) {
	t.Helper()
	if err := s.Exec(t.Context(), `
		INSERT INTO audit_events (id, at, kind, user_id, actor_id)
		SELECT CAST(substr(CAST(ends AS text), 1, 13) || substr(CAST(id AS text), 14) AS uuid), at, kind, user_id, actor_id
		FROM (SELECT id, at, kind, user_id, actor_id FROM audit_events ORDER BY id LIMIT $1) AS event, audit_events_partitions() WHERE ends IS NOT NULL`, many); err != nil {
		t.Fatal(err)
	}
}

// digests are SQL expressions for a digest of the number n.
var digests = map[string]string{
	"sqlite":   `CAST(substr('00000000000000000000000000000000' || n, -32) AS blob)`,
	"postgres": `CAST(lpad('' || n, 32, '0') AS bytea)`,
}

// fillSecrets inserts many mailed secrets. Half of them belong to users, one in ten has expired, and the code of one in
// three belongs to a flow. It also gives one user in 50 a time of deletion.
func fillSecrets(t testing.TB, kind string, s *store.Store, many int) {
	t.Helper()
	for _, statement := range []string{
		`INSERT INTO mailed_secrets (id, purpose, subject, user_id, address, address_key, token_digest, code_digest, code_expires_at, flow_digest, created_at, expires_at)
		SELECT ` + ids[kind] + `, CASE WHEN n % 2 = 0 THEN 'CHANGE_EMAIL' ELSE 'SIGN_UP' END, 'subject ' || n,
			CASE WHEN n % 2 = 0 THEN ` + ids[kind] + ` END, 'Mail' || name || '@example.com', 'mail' || name || '@example.com',
			` + digests[kind] + `, ` + digests[kind] + `, ` + times[kind] + `, CASE WHEN n % 3 = 0 THEN ` + digests[kind] + ` END,
			` + times[kind] + `, CASE WHEN n % 10 > 0 THEN ` + strings.ReplaceAll(times[kind], "-04", "-09") + ` ELSE ` + times[kind] + ` END
		FROM numbers`,
		`UPDATE users SET deletion_at = created_at WHERE id IN (SELECT ` + ids[kind] + ` FROM numbers WHERE n % 50 = 0)`,
	} {
		if err := s.Exec(t.Context(), numbers+statement, many); err != nil {
			t.Fatal(err)
		}
	}
}

// fillMails inserts many mails for 1000 users. Most were sent; one in 100 is queued.
func fillMails(t testing.TB, kind string, s *store.Store, many int) {
	t.Helper()
	if err := s.Exec(t.Context(), numbers+`
		INSERT INTO mail_messages (id, kind, state, user_id, recipient, recipient_key, asker, prepared, next_attempt_at, created_at, expires_at)
		SELECT `+ids[kind]+`, CASE WHEN n % 2 = 0 THEN 'RESET_PASSWORD' ELSE 'SIGN_UP' END,
			CASE WHEN n % 100 = 0 THEN 'QUEUED' WHEN n % 100 = 1 THEN 'DROPPED' ELSE 'SENT' END,
			CASE WHEN n % 2 = 0 THEN owner END, 'Mail' || owner || '@example.com', 'mail' || owner || '@example.com',
			CASE WHEN n % 3 > 0 THEN '192.0.2.' || n % 250 || '/24' END, true, `+times[kind]+`, `+times[kind]+`, `+times[kind]+`
		FROM (SELECT n, `+strings.ReplaceAll(ids[kind], " n", " n % 1000")+` AS owner FROM numbers) numbers`, many); err != nil {
		t.Fatal(err)
	}
}

// fillRateLimits inserts many counters of rate limits and many solved challenges. One in ten has expired.
func fillRateLimits(t testing.TB, kind string, s *store.Store, many int) {
	t.Helper()
	expiry := `CASE WHEN n % 10 > 0 THEN ` + strings.ReplaceAll(times[kind], "-04", "-09") + ` ELSE ` + times[kind] + ` END`
	for _, statement := range []string{
		`INSERT INTO rate_limits (key, period, count, previous, expires_at) SELECT ` + digests[kind] + `, n, n % 10, 0, ` + expiry + ` FROM numbers`,
		`INSERT INTO solved_challenges (id, expires_at) SELECT 'id ' || n, ` + expiry + ` FROM numbers`,
	} {
		if err := s.Exec(t.Context(), numbers+statement, many); err != nil {
			t.Fatal(err)
		}
	}
}

// fillPasskeys gives every user a passkey.
func fillPasskeys(t testing.TB, s *store.Store) {
	t.Helper()
	exec(t, s, `INSERT INTO credentials (id, user_id, kind, key, secret, created_at, updated_at)
		SELECT id, id, 'PASSKEY', 'key ' || id, 'webauthn', created_at, created_at FROM users`)
}
