package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jmoiron/sqlx"
	"github.com/pressly/goose/v3"

	"usher/internal/auth"
)

// This file exports internals to the tests of this package.

// Exec runs a statement on the writing connections.
func (s *Store) Exec(ctx context.Context, query string, args ...any) error {
	_, err := s.write.ExecContext(ctx, query, args...)
	return err
}

// Get reads one value from the reading connections.
func (s *Store) Get(ctx context.Context, dest any, query string, args ...any) error {
	return sqlx.GetContext(ctx, s.read, dest, query, args...)
}

// Stats returns statistics of the reading connections.
func (s *Store) Stats() sql.DBStats { return s.reader.Stats() }

// Latest returns the version of the newest migration.
func (s *Store) Latest() int64 { return s.latest }

// Versions returns the versions of all migrations in ascending order.
func (s *Store) Versions() ([]int64, error) {
	migrations, err := s.migrations()
	if err != nil {
		return nil, err
	}
	var versions []int64
	for _, source := range migrations.ListSources() {
		versions = append(versions, source.Version)
	}
	return versions, nil
}

// UpTo applies migrations up to a version.
func (s *Store) UpTo(ctx context.Context, version int64) error {
	migrations, err := s.migrations()
	if err == nil {
		_, err = migrations.UpTo(ctx, version)
	}
	return err
}

// Fault translates errors.
var Fault = fault

// Query is an SQL query and its arguments.
type Query struct {
	Text string
	Args []any
}

// UserQueries returns all queries that Users may run for q.
func (s *Store) UserQueries(ctx context.Context, q auth.UserQuery) ([]Query, error) {
	var queries []Query
	for _, f := range userFilters(q) {
		for _, r := range f {
			count := r.count()
			queries = append(queries, Query{numbered(count.text), count.args})
		}
	}
	text, args, err := usersQuery(ctx, s.read, q)
	return append(queries, Query{text, args}), err
}

// EventQuery returns the query of Events for q.
func EventQuery(q auth.AuditEventQuery) Query {
	text, args := listEvents(q)
	return Query{text, plain(args)}
}

// AuditLogQueries returns the queries of the audit log as a whole, by the name of a method.
func AuditLogQueries(kind string, id uuid.UUID, now time.Time) map[string]Query {
	queries := map[string]Query{}
	for name, q := range map[string]auth.AuditExport{
		"ExportEvents":        {Limit: 1000},
		"ExportEvents, after": {Limit: 1000, After: &auth.AuditPosition{ID: id, Number: 42}},
		"ExportEvents, of a user": {
			Limit: 1000, After: &auth.AuditPosition{ID: id, Number: 42}, UserID: &id, Kinds: []auth.AuditEventKind{auth.EventLogin, auth.EventLogout},
			From: new(now.AddDate(-9, 0, 0)), To: &now,
		},
	} {
		queries[name] = ExportQuery(kind, q)
	}
	if kind == "sqlite" {
		queries["SweepEvents"] = Query{sweepEvents, []any{id, 1000}}
		delete(queries, "ExportEvents") // reads the table in its order
	}
	return queries
}

// PrepareExport returns the statement that ExportEvents runs before a page of all events.
func PrepareExport() Query { return Query{prepareExport, []any{sorting(auth.AuditExport{})}} }

// ExportQuery returns the query of a page of an export.
func ExportQuery(kind string, q auth.AuditExport) Query {
	text, args := exportEvents(map[string]goose.Dialect{"sqlite": goose.DialectSQLite3, "postgres": goose.DialectPostgres}[kind], q)
	return Query{text, plain(args)}
}

// NumberEvents is what a restore runs on PostgreSQL.
const NumberEvents = numberEvents

// CountEventsQuery returns the query of CountEvents.
func CountEventsQuery(kind auth.AuditEventKind, times []time.Time) Query {
	text, args := countEvents(kind, times)
	return Query{text, args}
}

// SessionQuery returns the query of Sessions.
func SessionQuery(userID uuid.UUID, now, idleSince time.Time, page auth.Page[auth.SessionPosition]) Query {
	text, args := listSessions(userID, now, idleSince, page)
	return Query{text, plain(args)}
}

// plain returns the arguments with times as text.
func plain(args []any) []any {
	for i, arg := range args {
		if at, ok := arg.(timestamp); ok {
			args[i] = time.Time(at).Format(sqliteTime)
		}
	}
	return args
}

// HasOtherAdminQuery returns the query of HasOtherAdmin.
func HasOtherAdminQuery(except uuid.UUID) Query {
	return Query{hasOtherAdmin, []any{roleWord(auth.RoleAdmin), except}}
}

// TakeRoleQuery returns the statement with which DeleteRole takes a role from users.
func TakeRoleQuery(name auth.Role) Query {
	return Query{takeRole, []any{roleWord(name), "2030-01-05 00:00:00+00:00", roleWord(name)}}
}

// ClearAttemptsQuery returns the statement of ClearAttempts.
func ClearAttemptsQuery(userID uuid.UUID) Query { return Query{clearAttempts, []any{userID, false}} }

// MailQuery returns the query of Mails for q.
func MailQuery(q auth.MailQuery) Query {
	text, args := listMails(q)
	return Query{text, args}
}

// LifecycleQueries returns the other queries of mailed secrets, mails, passkeys and accounts to delete, by the name of a method.
func LifecycleQueries(userID uuid.UUID, now time.Time) map[string]Query {
	const bytes, address = `\x6162`, "mail42@example.com"
	at, limit := now.Format(sqliteTime), 100
	text, args := deleteMailedSecrets(userID, []auth.MailPurpose{auth.PurposeSignUp, auth.PurposeInvitation})
	return map[string]Query{
		"MailedSecret":            {mailedSecret, []any{bytes}},
		"TakeMailedSecret":        {takeMailedSecret, []any{userID, bytes, at}},
		"CountCodeTry by flow":    {countCodeTryByFlow, []any{auth.PurposeSignUp, bytes, at, 5}},
		"CountCodeTry by address": {countCodeTryByAddress, []any{auth.PurposeSignUp, address, at, 5}},
		"DeleteMailedSecrets":     {text, args},
		"SweepMailedSecrets":      {sweepMailedSecrets, []any{at, limit}},
		"expired changes":         {expiredChanges, []any{at, limit}},
		"sweepChange":             {sweepChange, []any{userID, at}},
		"endPendingEmail":         {endPendingEmail, []any{userID, address}},
		"DeleteUser":              {deleteUser, []any{userID}},
		"DeleteUser, its mails":   {forgetRecipient, []any{userID, address}},
		"DeletionsDue":            {deletionsDue, []any{at, limit}},
		"UpdateMail": {updateMail, []any{
			auth.MailSignUp, auth.MailSent, userID, address, address, true, bytes, 2, at, "error", at, at, userID, auth.MailQueued, 1,
		}},
		"DueMails":        {dueMails, []any{at, limit}},
		"CountMailsAsked": {countMailsAsked, []any{"192.0.2.0/24", at}},
		"CountMailsTo":    {countMailsTo, []any{address, auth.MailSignUp, at}},
		"AddUses":         {addUses, []any{bytes, 7, 1, at, 1}},
		"PasskeyByKey":    {passkeyByKey, []any{"key 42"}},
		"IdentityByKey":   {identityByKey, []any{"key 42"}},
		"UseChallenge":    {useChallenge, []any{"id 42", at}},
		"SweepRateLimits": {sweepRateLimits, []any{at, limit}},
		"SweepChallenges": {sweepChallenges, []any{at, limit}},
		"SweepMails":      {sweepMails, []any{auth.MailSent, auth.FirstID(now), limit}},
	}
}

// EndOldestSessionsQuery is what EndOldestSessions runs.
func EndOldestSessionsQuery(userID uuid.UUID, keep int, now, idleSince time.Time) Query {
	return Query{endOldestSessions, []any{userID, keep, now.Format(time.RFC3339), idleSince.Format(time.RFC3339)}}
}

// These are what RecordSignIn, SetEmail and SetProfile run.
const (
	RecordSignInStatement = recordSignIn
	SetEmailStatement     = setEmail
	SetProfileStatement   = setProfile
)

// Conn takes one of the reading connections from the pool.
func (s *Store) Conn(ctx context.Context) (*sql.Conn, error) { return s.reader.Conn(ctx) }

// Open opens a connection to PostgreSQL outside of the pool.
func (s *Store) Open(ctx context.Context) (driver.Conn, error) { return s.postgres.Connect(ctx) }

// ViewersTogether looks up sessions in one query.
func (s *Store) ViewersTogether(ctx context.Context, ids ...uuid.UUID) (viewers []*auth.Viewer, errs []error) {
	for _, r := range s.viewers.query(ctx, ids) {
		viewers, errs = append(viewers, r.Value), append(errs, r.Err)
	}
	return viewers, errs
}

// Rotation is one use of a refresh token.
type Rotation struct {
	Session    uuid.UUID
	Generation uint32
	By         string
}

// RotateTogether rotates refresh tokens in one statement.
func (s *Store) RotateTogether(ctx context.Context, now time.Time, tokens []Rotation) (rotated []bool, errs []error) {
	var keys []rotation
	for _, t := range tokens {
		keys = append(keys, rotation{t.Session, t.Generation, t.By, now})
	}
	for _, r := range s.rotations.query(ctx, keys) {
		rotated, errs = append(rotated, r.Value), append(errs, r.Err)
	}
	return rotated, errs
}

// PostgresProblem is postgresProblem for a URL.
func PostgresProblem(at string, err error) (problem string, mayPass bool) {
	config, invalid := pgx.ParseConfig(at)
	if invalid != nil {
		panic(invalid)
	}
	return postgresProblem(config, err)
}

func Tables() []string { return tables }

// SetMaxLag sets how far the standby may be behind.
func (s *Store) SetMaxLag(lag time.Duration) { s.standby.maxLag = lag }

// NewestVersion reads the version of a dump.
var NewestVersion = newestVersion

// LeaseHosts returns the addresses that the lease of a URL tries, by host, and those of the connections of the pool.
func LeaseHosts(url string) (hosts [][]string, pool []string, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, err
	}
	c := &connector{config: *config}
	addresses := func(config *pgx.ConnConfig) []string {
		all := []string{fmt.Sprintf("%s %t", config.Host, config.TLSConfig != nil)}
		for _, other := range config.Fallbacks {
			all = append(all, fmt.Sprintf("%s %t", other.Host, other.TLSConfig != nil))
		}
		return all
	}
	for _, host := range newLease(time.Second, c).hosts {
		hosts = append(hosts, addresses(&host))
	}
	return hosts, addresses(&c.config), nil
}
