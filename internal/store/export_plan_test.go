package store_test

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestExportPlan exports a log from before transactions had numbers, in many partitions. PostgreSQL must read the rows of
// a page only, with statistics and without: sorting what is left for each page makes the export take quadratic time.
func TestExportPlan(t *testing.T) {
	t.Parallel()
	const many, limit, months = 20_000, 100, 24
	at := empty["postgres"](t)
	s := open(t, at)
	if err := s.UpTo(t.Context(), 14); err != nil {
		t.Fatal(err)
	}
	fillEvents(t, "postgres", s, many)
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n := range months {
		if err := s.PrepareEvents(t.Context(), time.Date(2040, time.Month(n), 1, 0, 0, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
	}
	middle := uuid.MustParse(fmt.Sprintf("01940000-0000-7000-8000-%012d", many/2))
	q := auth.AuditExport{Limit: limit, After: &auth.AuditPosition{ID: middle}}
	page := func(t *testing.T, s *store.Store) {
		conn, err := s.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		tx, err := conn.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		prepare := store.PrepareExport()
		if _, err := tx.ExecContext(t.Context(), prepare.Text, prepare.Args...); err != nil {
			t.Fatal(err)
		}
		query := store.ExportQuery("postgres", q)
		if _, err := tx.ExecContext(t.Context(), `PREPARE page AS `+query.Text); err != nil {
			t.Fatal(err)
		}
		rows, err := tx.QueryContext(t.Context(), fmt.Sprintf(`EXPLAIN (ANALYZE, TIMING OFF) EXECUTE page (%v, '%v', %v)`, query.Args...))
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		scanned, steps := 0, []string{}
		for rows.Next() {
			var step string
			if err := rows.Scan(&step); err != nil {
				t.Fatal(err)
			}
			steps = append(steps, step)
			if found := scannedRows.FindStringSubmatch(step); found != nil {
				n, err := strconv.Atoi(found[1])
				if err != nil {
					t.Fatal(err)
				}
				scanned += n
			}
		}
		if err := rows.Err(); err != nil || scanned < limit || scanned > limit+months+10 {
			t.Errorf("a page of %d events reads %d rows, %v:\n%s", limit, scanned, err, strings.Join(steps[:min(10, len(steps))], "\n"))
		}
	}
	for _, statistics := range []string{"without", "with"} {
		if statistics == "with" {
			exec(t, s, `VACUUM ANALYZE audit_events`)
		}
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			t.Run(statistics+" statistics, "+mode, func(t *testing.T) { page(t, open(t, with(t, at, "plan_cache_mode", mode))) })
		}
	}
}

// scannedRows matches a scan and how many rows it has read.
var scannedRows = regexp.MustCompile(`Scan .*\(actual rows=(\d+)`)

// TestExportGoesOn follows events of a kind that are rare: the second page need not look through the log again, but it has
// the event of a transaction that was not over.
func TestExportGoesOn(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.URLs["postgres"](t))
	if _, err := addEventAt(t.Context(), s, time.Now()); err != nil {
		t.Fatal(err)
	}
	q := auth.AuditExport{Kinds: []auth.AuditEventKind{auth.EventSignup}, Limit: 10}
	late, err := s.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer late.Close()
	tx, err := late.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	var number int64
	if err := tx.QueryRowContext(t.Context(), `SELECT txid_current()`).Scan(&number); err != nil {
		t.Fatal(err)
	}
	page, position, err := s.ExportEvents(t.Context(), q)
	if err != nil || len(page) != 0 || position == nil || position.Number == 0 || position.Number >= number {
		t.Fatalf("%d events, position %+v, %v; transaction %d is not over", len(page), position, err, number)
	}
	q.After = position
	if _, err := tx.ExecContext(t.Context(), `INSERT INTO audit_events (id, at, kind) VALUES ('01940000-0000-7000-8000-000000000001', now(), 'SIGNUP')`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	for page = nil; len(page) == 0 && t.Context().Err() == nil; { // other tests have transactions
		if page, position, err = s.ExportEvents(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if len(page) != 1 || position.Number < number {
		t.Errorf("%d events, position %+v", len(page), position)
	}
}

// TestRestoreNumbers restores the audit log of a server whose transactions have higher numbers.
func TestRestoreNumbers(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := open(t, storetest.URLs["postgres"](t))
	fillEvents(t, "postgres", s, 20)
	for _, statement := range []string{
		`ALTER TABLE audit_events_old DISABLE TRIGGER audit_events_append_only`,
		// Pairs of the same number, and not in the order of ids.
		`UPDATE audit_events SET txid = 1000000000000 - floor(substr(id::text, 25)::int / 2)`,
		`ALTER TABLE audit_events_old ENABLE TRIGGER audit_events_append_only`,
	} {
		exec(t, s, statement)
	}
	var order string
	const inOrder = `SELECT string_agg(id::text, ' ' ORDER BY txid, id) FROM audit_events`
	if err := s.Get(ctx, &order, inOrder); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields(order)
	for n := range 2 { // a restored database can be restored again
		s = restore(t, empty["postgres"](t), backUp(t, s), store.RestoreOptions{})
		id, err := addEventAt(ctx, s, time.Unix(int64(n), 0)) // new, with an old time
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, id.String())
		var got []string
		for q := (auth.AuditExport{Limit: 7, After: mustPosition(t, s, uuid.MustParse(want[3]))}); len(got) < len(want)-4; {
			page, position, err := s.ExportEvents(ctx, q)
			if err != nil || ctx.Err() != nil {
				t.Fatalf("%d of %d events, %v", len(got), len(want)-4, errors.Join(err, ctx.Err()))
			}
			for _, e := range page {
				got = append(got, e.ID.String())
			}
			q.After = position
		}
		if diff := cmp.Diff(want[4:], got); diff != "" {
			t.Errorf("restore %d: export after an event of the backup (-want +got):\n%s", n, diff)
		}
		if err := s.Exec(ctx, `UPDATE audit_events SET txid = 0`); err == nil {
			t.Error("after a restore, events can be changed")
		}
	}
	docs, err := os.ReadFile("../../docs/audit-log.md")
	if err != nil || !strings.Contains(string(docs), store.NumberEvents+";\n") {
		t.Errorf("docs/audit-log.md lacks what a restore runs: %v", err)
	}
}
