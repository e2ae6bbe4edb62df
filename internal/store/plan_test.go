package store_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestPlans checks that no query reads a whole table for one page.
func TestPlans(t *testing.T) {
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		const many = 5_000 // SQLite's plans do not depend on the number of rows.
		s := open(t, storetest.URLs["sqlite"](t))
		fillUsers(t, "sqlite", s, many)
		fillEvents(t, "sqlite", s, many)
		fillAttempts(t, "sqlite", s, many)
		fillSessions(t, "sqlite", s, many, many/10)
		fillSecrets(t, "sqlite", s, many)
		fillMails(t, "sqlite", s, many)
		fillRateLimits(t, "sqlite", s, many)
		fillPasskeys(t, s)
		t.Run("without statistics", func(t *testing.T) { checkPlans(t, s, "sqlite") })
		exec(t, s, `ANALYZE`)
		t.Run("with statistics", func(t *testing.T) { checkPlans(t, s, "sqlite") })
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		const many = 30_000
		at := storetest.URLs["postgres"](t)
		s := open(t, at)
		fillUsers(t, "postgres", s, many)
		fillEvents(t, "postgres", s, many)
		fillAttempts(t, "postgres", s, many)
		fillSessions(t, "postgres", s, many, many/10)
		fillSecrets(t, "postgres", s, many)
		fillMails(t, "postgres", s, many)
		fillRateLimits(t, "postgres", s, many)
		fillPasskeys(t, s)
		fillMonths(t, s, many/4)
		exec(t, s, `VACUUM ANALYZE`)
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			t.Run(mode, func(t *testing.T) { checkPlans(t, open(t, with(t, at, "plan_cache_mode", mode)), "postgres") })
		}
	})
}

// TestPlannedOnce is about a statement that PostgreSQL plans again for each user, because that seems cheaper to it when
// there are many. It chooses after five executions (PostgreSQL documentation, PREPARE).
func TestPlannedOnce(t *testing.T) {
	t.Parallel()
	const many = 30_000
	s := open(t, storetest.URLs["postgres"](t))
	fillUsers(t, "postgres", s, many)
	fillSessions(t, "postgres", s, 3*many, many)
	exec(t, s, `VACUUM ANALYZE`)
	conn, err := s.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	now := time.Date(2030, 1, 5, 0, 0, 0, 0, time.UTC)
	for n := range 6 {
		q := store.EndOldestSessionsQuery(uuid.MustParse(fmt.Sprintf("01940000-0000-7000-8000-%012d", n+1)), 50, now, now.Add(-48*time.Hour))
		values := make([]string, len(q.Args))
		for i, arg := range q.Args {
			values[i] = fmt.Sprintf("'%v'", arg)
		}
		if n == 0 {
			if _, err := conn.ExecContext(t.Context(), `PREPARE query AS `+q.Text); err != nil {
				t.Fatal(err)
			}
		}
		execute := `EXECUTE query (` + strings.Join(values, ", ") + `)`
		if n < 5 {
			_, err = conn.ExecContext(t.Context(), execute)
		} else {
			var steps []string
			if steps, err = explain(t, conn, `EXPLAIN `+execute); !strings.Contains(strings.Join(steps, ""), "$1") {
				t.Errorf("planned for one user:\n%s", strings.Join(steps, "\n"))
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func explain(t *testing.T, conn *sql.Conn, text string) (steps []string, err error) {
	t.Helper()
	rows, err := conn.QueryContext(t.Context(), text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var step string
		if err := rows.Scan(&step); err != nil {
			return nil, err
		}
		steps = append(steps, step)
	}
	return steps, rows.Err()
}

// wholeTable matches plan steps that read a whole table. It does not match index scans.
var wholeTable = map[string]*regexp.Regexp{
	"sqlite":   regexp.MustCompile(`SCAN (users|audit_events|password_attempts|sessions|mailed_secrets|mail_messages|rate_limits|solved_challenges|credentials|ceremonies)$`),
	"postgres": regexp.MustCompile(`Seq Scan on (users|audit_events|password_attempts|sessions|mailed_secrets|mail_messages|rate_limits|solved_challenges|credentials|ceremonies)`),
}

// sorts matches plan steps that sort rows.
var sorts = regexp.MustCompile(`USE TEMP B-TREE|\bSort\b`)

// sortsRows is sorts without the keys by which PostgreSQL merges the rows of partitions.
var sortsRows = regexp.MustCompile(`USE TEMP B-TREE|\bSort  \(`)

func checkPlans(t *testing.T, s *store.Store, kind string) {
	t.Helper()
	check := func(name string, q store.Query) {
		for _, step := range plan(t, s, kind, q) {
			if wholeTable[kind].MatchString(step) {
				t.Errorf("%s: %s\n%s", name, step, q.Text)
			}
		}
	}
	check("HasOtherAdmin", store.HasOtherAdminQuery(uuid.Max))
	check("DeleteRole", store.TakeRoleQuery("EDITOR"))
	check("ClearAttempts", store.ClearAttemptsQuery(uuid.MustParse("01940000-0000-7000-8000-000000000042")))
	for _, q := range userQueries() {
		queries, err := s.UserQueries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range queries {
			check(fmt.Sprintf("Users of %+v", q), query)
		}
	}
	for _, q := range eventQueries() {
		check(fmt.Sprintf("Events of %+v", q), store.EventQuery(q))
	}
	day := time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)
	check("CountEvents", store.CountEventsQuery(auth.EventLogin, []time.Time{day, day.AddDate(0, 0, 1), day.AddDate(0, 0, 2)}))
	now := time.Date(2030, 1, 5, 0, 0, 0, 0, time.UTC)
	for name, q := range store.AuditLogQueries(kind, uuid.MustParse("01940000-0000-7000-8000-000000009999"), now) {
		check(name, q)
		for _, step := range plan(t, s, kind, q) {
			if strings.HasPrefix(name, "Export") && !strings.HasSuffix(name, "of a user") && sortsRows.MatchString(step) {
				t.Errorf("%s sorts the audit log: %s\n%s", name, step, q.Text)
			}
		}
	}
	for name, q := range store.LifecycleQueries(uuid.MustParse("01940000-0000-7000-8000-000000000042"), now) {
		check(name, q)
		for _, step := range plan(t, s, kind, q) {
			if slices.Contains([]string{"DueMails", "DeletionsDue"}, name) && sorts.MatchString(step) {
				t.Errorf("%s sorts all that wait: %s\n%s", name, step, q.Text)
			}
		}
	}
	for _, q := range mailQueries() {
		check(fmt.Sprintf("Mails of %+v", q), store.MailQuery(q))
	}
	for _, page := range pages(auth.SessionPosition{CreatedAt: now, ID: uuid.MustParse("01940000-0000-7000-8000-000000009999")}) {
		check(fmt.Sprintf("Sessions of %+v", page), store.SessionQuery(uuid.MustParse("01940000-0000-7000-8000-000000000042"), now, now.Add(-48*time.Hour), page))
	}
}

// pages returns a page of each shape.
func pages[P any](at P) (pages []auth.Page[P]) {
	for _, last := range []bool{false, true} {
		for _, after := range []*P{nil, &at} {
			for _, before := range []*P{nil, &at} {
				pages = append(pages, auth.Page[P]{After: after, Before: before, Last: last, Limit: 21})
			}
		}
	}
	return pages
}

// eventQueries returns queries of every shape.
func eventQueries() (queries []auth.AuditEventQuery) {
	event := uuid.MustParse("01940000-0000-7000-8000-000000009999")
	queries = append(queries, auth.AuditEventQuery{ID: &event, Page: auth.Page[uuid.UUID]{Limit: 1}})
	user := new(uuid.MustParse("01940000-0000-7000-8000-000000000042"))
	for _, userID := range []*uuid.UUID{nil, user} {
		for _, actorID := range []*uuid.UUID{nil, user} {
			for _, kinds := range [][]auth.AuditEventKind{nil, {auth.EventSignup}, {auth.EventSignup, auth.EventLogout, auth.EventLogin}} {
				for _, page := range pages(event) {
					for _, from := range []*time.Time{nil, new(time.Date(2024, 12, 1, 0, 0, 0, 0, time.UTC))} {
						for _, to := range []*time.Time{nil, new(time.Date(2030, 1, 5, 0, 0, 0, 0, time.UTC))} {
							queries = append(queries, auth.AuditEventQuery{
								UserID: userID, ActorID: actorID, Kinds: kinds, From: from, To: to, Page: page,
							})
						}
					}
				}
			}
		}
	}
	return queries
}

// mailQueries returns queries of every shape.
func mailQueries() (queries []auth.MailQuery) {
	id := new(uuid.MustParse("01940000-0000-7000-8000-000000002500"))
	for _, mail := range []*uuid.UUID{nil, id} {
		for _, user := range []*uuid.UUID{nil, id} {
			for _, state := range []auth.MailState{"", auth.MailQueued, auth.MailSent, auth.MailDropped} {
				for _, page := range pages(*id) {
					queries = append(queries, auth.MailQuery{ID: mail, UserID: user, State: state, Page: page})
				}
			}
		}
	}
	return queries
}

// userQueries returns queries of every shape, with few and with many results.
func userQueries() (queries []auth.UserQuery) {
	descending := false
	for order, key := range map[auth.UserOrderField]string{
		auth.UsersByCreatedAt: "", auth.UsersByUsername: "user3", auth.UsersByEmail: "mail3",
	} {
		for _, page := range pages(auth.UserPosition{Key: key, ID: uuid.MustParse("01940000-0000-7000-8000-000000002500")}) {
			for _, search := range []string{"", "user123", "user", "name 1"} {
				for _, role := range []auth.Role{"", auth.RoleAdmin} {
					for _, disabled := range []*bool{nil, new(false), new(true)} {
						descending = !descending // One index serves both directions.
						queries = append(queries, auth.UserQuery{
							Search: search, Role: role, Disabled: disabled,
							Order: order, Descending: descending, Page: page,
						})
					}
				}
			}
		}
	}
	return queries
}

// plan returns the steps of a query's plan.
func plan(t testing.TB, s *store.Store, kind string, q store.Query) (steps []string) {
	t.Helper()
	conn, err := s.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	text, args := `EXPLAIN QUERY PLAN `+q.Text, q.Args
	fields := []any{new(any), new(any), new(any), new(string)}
	if kind == "postgres" {
		// The driver prepares statements too. plan_cache_mode applies only to prepared statements.
		if _, err := conn.ExecContext(t.Context(), `PREPARE query AS `+q.Text); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if _, err := conn.ExecContext(t.Context(), `DEALLOCATE query`); err != nil {
				t.Error(err)
			}
		}()
		values := make([]string, len(args))
		for i, arg := range args {
			values[i] = fmt.Sprintf("'%v'", arg)
		}
		text, args = `EXPLAIN EXECUTE query (`+strings.Join(values, ", ")+`)`, nil
		fields = fields[3:]
	}
	rows, err := conn.QueryContext(t.Context(), text, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			t.Fatal(err)
		}
		steps = append(steps, *fields[len(fields)-1].(*string))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return steps
}

func exec(t testing.TB, s *store.Store, query string) {
	t.Helper()
	if err := s.Exec(t.Context(), query); err != nil {
		t.Fatal(err)
	}
}
