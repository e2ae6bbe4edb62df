package store_test

import (
	"flag"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/store"
)

var many = flag.Int("many", 0, "measure the migrations of PostgreSQL with so many users, and five times as many audit events")

// TestMigrateMany measures each migration, and the longest statement of servers beside it:
// go test ./internal/store -run MigrateMany -many 1000000 -v
func TestMigrateMany(t *testing.T) {
	if *many == 0 {
		t.Skip("measures only with -many") //nolint:forbidigo // It measures, and checks nothing that the other tests do not.
	}
	prepare := func() (at string, s *store.Store) {
		at = empty["postgres"](t)
		s = open(t, at)
		if err := s.UpTo(t.Context(), 4); err != nil {
			t.Fatal(err)
		}
		fillVersion4(t, s, *many, 5**many)
		exec(t, s, `VACUUM ANALYZE`)
		return at, s
	}
	measure := func(name, at string, migrate func() error) {
		t.Helper()
		var beside signIns
		beside.start(t.Context(), t, at, 1)
		begin := time.Now()
		if err := migrate(); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		beside.stop()
		t.Logf("%s: %.1f s, longest wait beside it %s, %d rounds", name, took.Seconds(),
			time.Duration(beside.slowest.Load()).Round(time.Millisecond), beside.many.Load())
	}
	at, s := prepare()
	for version := int64(5); version <= 9; version++ {
		measure(fmt.Sprintf("%05d as it was released", version), at, func() error { runReleased(t, s, version); return nil })
		exec(t, s, `DELETE FROM users WHERE username_key LIKE 'new%'`) // the next round uses the names again
	}
	at, s = prepare()
	for _, version := range versions(t, s) {
		if version <= 4 {
			continue
		}
		measure(fmt.Sprintf("%05d", version), at, func() error { return s.UpTo(t.Context(), version) })
		exec(t, s, `DELETE FROM users WHERE username_key LIKE 'new%'`) // the next round uses the names again
	}
}

// TestAuditLogMany measures what partitions change for writers and readers of the audit log:
// go test ./internal/store -run AuditLogMany -many 1000000 -v
func TestAuditLogMany(t *testing.T) {
	if *many == 0 {
		t.Skip("measures only with -many") //nolint:forbidigo // It measures, and checks nothing that the other tests do not.
	}
	at := empty["postgres"](t)
	s := open(t, at)
	if err := s.UpTo(t.Context(), 14); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), `INSERT INTO audit_events (id, at, kind, user_id, actor_id, ip_address, user_agent, request_id)
		SELECT `+ids["postgres"]+`, `+times["postgres"]+`, CASE WHEN n % 100 = 0 THEN 'SIGNUP' ELSE 'LOGIN' END,
			`+strings.ReplaceAll(ids["postgres"], " n", " (n % 1000)")+`, `+strings.ReplaceAll(ids["postgres"], " n", " (n % 1000)")+`, '192.0.2.1', 'Mozilla/5.0', 'r' || n
		FROM generate_series(1, $1::bigint) AS numbers (n)`, 5**many); err != nil {
		t.Fatal(err)
	}
	exec(t, s, `VACUUM ANALYZE audit_events`)
	size := func(when string) {
		t.Helper()
		var mib int
		if err := s.Get(t.Context(), &mib, `SELECT (sum(pg_total_relation_size(oid)) / 1048576)::int FROM pg_class WHERE relname LIKE 'audit_events%' AND relkind = 'r'`); err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: %d MiB", when, mib)
	}
	user := uuid.MustParse("01940000-0000-7000-8000-000000000042")
	middle := uuid.MustParse(fmt.Sprintf("01940000-0000-7000-8000-%012d", 5**many/2))
	work := func(when string) {
		t.Helper()
		each := func(what string, times int, f func() error) {
			t.Helper()
			took := make([]time.Duration, times)
			for n := range took {
				begin := time.Now()
				if err := f(); err != nil {
					t.Fatal(err)
				}
				took[n] = time.Since(begin)
			}
			slices.Sort(took)
			t.Logf("%s, %s: median %s, 99th percentile %s", when, what, took[times/2], took[times*99/100])
		}
		each("add", 2000, func() error { _, err := addEventAt(t.Context(), s, time.Now()); return err })
		for name, q := range map[string]auth.AuditEventQuery{
			"newest": {Page: auth.Page[uuid.UUID]{Limit: 51}}, "from the middle": {Page: auth.Page[uuid.UUID]{After: &middle, Limit: 51}},
			"of a user": {UserID: &user, Page: auth.Page[uuid.UUID]{Limit: 51}}, "of a kind": {Kinds: []auth.AuditEventKind{auth.EventSignup}, Page: auth.Page[uuid.UUID]{Limit: 51}},
		} {
			each(name, 500, func() error { _, err := s.Events(t.Context(), q); return err })
		}
	}
	size("before")
	work("before")
	begin := time.Now()
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("migration: %s", time.Since(begin))
	exec(t, s, `VACUUM ANALYZE audit_events`)
	size("after")
	work("after")
	if err := s.PrepareEvents(t.Context(), time.Now().AddDate(5, 0, 0)); err != nil {
		t.Fatal(err)
	}
	for n := range 60 {
		if err := s.PrepareEvents(t.Context(), time.Date(2032, time.Month(n), 1, 0, 0, 0, 0, time.UTC)); err != nil {
			t.Fatal(err)
		}
	}
	work("with 60 months")
	begin, q, events := time.Now(), auth.AuditExport{Limit: 1000}, 0
	for {
		page, position, err := s.ExportEvents(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if q.After, events = position, events+len(page); len(page) < q.Limit {
			break
		}
	}
	t.Logf("export of %d events: %s", events, time.Since(begin))
	begin = time.Now()
	if n, err := s.SweepEvents(t.Context(), time.Now().AddDate(1, 0, 0), 1000); err != nil || n == 0 {
		t.Fatal(n, err)
	}
	t.Logf("drop of the first partition: %s", time.Since(begin))
}
