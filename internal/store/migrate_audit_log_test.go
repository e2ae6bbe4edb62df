package store_test

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"usher/internal/auth"
)

// TestMigrateAuditLog partitions an audit log while servers of the previous release write to it, beside a transaction that
// keeps the table locked as pg_dump does, and again from the states in which it can be interrupted.
func TestMigrateAuditLog(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	at := empty["postgres"](t)
	s := open(t, at)
	if err := s.UpTo(ctx, 14); err != nil {
		t.Fatal(err)
	}
	fillEvents(t, "postgres", s, 3000)
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	role := "auditor_of_" + u.Path[1:]
	exec(t, s, "CREATE ROLE "+role)
	defer func() { exec(t, s, "DROP OWNED BY "+role); exec(t, s, "DROP ROLE "+role) }()
	exec(t, s, "GRANT SELECT ON audit_events TO "+role)

	// An interrupted migration has left these.
	exec(t, s, `ALTER TABLE audit_events ADD COLUMN txid bigint NOT NULL DEFAULT 0`)
	exec(t, s, `ALTER TABLE audit_events ADD CONSTRAINT audit_events_ends CHECK (id < 'f0000000-0000-7000-8000-000000000000') NOT VALID`)

	backup, err := s.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer backup.Close()
	if _, err := backup.ExecContext(ctx, `BEGIN; SELECT 1 FROM audit_events LIMIT 1`); err != nil {
		t.Fatal(err)
	}
	previous := open(t, at)
	var added atomic.Int64
	stop := make(chan struct{})
	var writers sync.WaitGroup
	var slowest atomic.Int64
	for range 3 {
		writers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				begin := time.Now()
				if _, err := addEventAt(ctx, previous, begin); err != nil {
					t.Errorf("add beside the migration: %v", err)
					return
				}
				slowest.Store(max(slowest.Load(), int64(time.Since(begin))))
				added.Add(1)
			}
		})
	}
	migrated := make(chan error, 1)
	go func() { migrated <- s.UpTo(ctx, 15) }()
	for waits := 0; waits == 0; {
		if err := s.Get(ctx, &waits, `SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = database
			WHERE datname = current_database() AND relation = 'audit_events'::regclass AND NOT granted`); err != nil {
			t.Fatalf("the migration does not wait: %v", err)
		}
	}
	beside := added.Load()
	for added.Load() < beside+10 && ctx.Err() == nil { // events are added while it waits
		var one int
		if err := s.Get(ctx, &one, `SELECT 1`); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := backup.ExecContext(ctx, `ROLLBACK`); err != nil {
		t.Fatal(err)
	}
	if err := <-migrated; err != nil {
		t.Fatal(err)
	}
	close(stop)
	writers.Wait()
	t.Logf("%d events were added, in at most %s", added.Load(), time.Duration(slowest.Load()))
	check := func(when string) {
		t.Helper()
		for query, want := range map[string]any{
			`SELECT count(*) FROM audit_events`:                                                                           3000 + int(added.Load()),
			`SELECT count(*) FROM audit_events WHERE txid = 0`:                                                            nil,
			`SELECT count(*) FROM pg_index WHERE NOT indisvalid`:                                                          0,
			`SELECT count(*) FROM pg_constraint WHERE conrelid::regclass::text LIKE 'audit_events%' AND NOT convalidated`: 0,
			`SELECT count(*) FROM pg_constraint WHERE conname LIKE 'audit_events%ends'`:                                   0,
			`SELECT count(*) FROM pg_inherits WHERE inhparent = 'audit_events'::regclass`:                                 2,
			// The key and four more indexes, each with one for each partition.
			`SELECT count(*) FROM pg_index WHERE indrelid = 'audit_events'::regclass`:                                                                5,
			`SELECT count(*) FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid WHERE indrelid = 'audit_events_old'::regclass`:                  5,
			`SELECT count(*) FROM pg_index JOIN pg_inherits ON inhrelid = indexrelid WHERE indrelid = 'audit_events_default'::regclass`:              5,
			`SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN ('audit_events_old'::regclass, 'audit_events_default'::regclass)`: 4,
			`SELECT count(*) FROM pg_class WHERE oid = 'audit_events'::regclass AND has_table_privilege('` + role + `', oid, 'SELECT')`:              1,
		} {
			var got int
			err := s.Get(ctx, &got, query)
			if n, ok := want.(int); err != nil || ok && got != n || !ok && got < 3000 {
				t.Errorf("%s, %s: %d, %v, want %v", when, query, got, err, want)
			}
		}
	}
	check("migrated")
	again := func(when string) {
		t.Helper()
		exec(t, s, `DELETE FROM goose_db_version WHERE version_id = 15`)
		if err := s.UpTo(ctx, 15); err != nil {
			t.Fatalf("again %s: %v", when, err)
		}
		check("again " + when)
	}
	again("after all")
	exec(t, s, `DROP INDEX audit_events_txid_id_idx`)
	again("without the index")
	exec(t, s, `DROP INDEX audit_events_txid_id_idx`)
	if err := s.Exec(ctx, `CREATE UNIQUE INDEX CONCURRENTLY audit_events_old_txid_id_idx ON audit_events_old (txid)`); err == nil {
		t.Fatal("the numbers are unique, so this leaves no invalid index")
	}
	again("with an invalid index")

	if _, err := addEventAt(ctx, s, time.Now()); err != nil {
		t.Fatal(err)
	}
	events, _, err := s.ExportEvents(ctx, auth.AuditExport{Limit: 3001})
	if err != nil || len(events) != 3001 || fmt.Sprint(events[0].ID) != "01940000-0000-7000-8000-000000000001" || events[2999].ID.String() != "01940000-0000-7000-8000-000000003000" {
		t.Errorf("ExportEvents: %d events, %v", len(events), err)
	}
}
