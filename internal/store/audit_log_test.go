package store_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/store"
	"usher/internal/storetest"
)

// addEventAt adds an event of a time, and returns its id.
func addEventAt(ctx context.Context, s auth.Store, at time.Time) (uuid.UUID, error) {
	id, err := auth.NewID(at, rand.Reader)
	if err != nil {
		return uuid.Nil, err
	}
	return id, s.AddEvent(ctx, &auth.AuditEvent{ID: id, At: at, Kind: auth.EventLogin})
}

func partitions(t *testing.T, s *store.Store) string {
	t.Helper()
	var names string
	if err := s.Get(t.Context(), &names, `SELECT string_agg(partition, ' ' ORDER BY ends) FROM audit_events_partitions()`); err != nil {
		t.Fatal(err)
	}
	return names
}

// TestAuditMonths lets time pass on PostgreSQL: months are made ahead, and dropped when they are old.
func TestAuditMonths(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.URLs["postgres"](t))
	month := func(n int) time.Time { return time.Date(2040, time.Month(1+n), 1, 0, 0, 0, 0, time.UTC) }
	for range 2 { // the second time does nothing
		var replicas sync.WaitGroup
		for range 4 {
			replicas.Go(func() {
				if err := s.PrepareEvents(t.Context(), month(0).Add(40*time.Hour)); err != nil {
					t.Errorf("PrepareEvents: %v", err)
				}
			})
		}
		replicas.Wait()
		if err := s.PrepareEvents(t.Context(), month(0).Add(40*time.Hour)); err != nil { // a replica may have been busy
			t.Fatal(err)
		}
	}
	if got := partitions(t, s); !strings.HasSuffix(got, "audit_events_2040_01 audit_events_2040_02 audit_events_2040_03 audit_events_2040_04 audit_events_default") {
		t.Fatalf("partitions: %s", got)
	}
	for n := range 6 { // the last two months are in the default partition
		for _, at := range []time.Time{month(n), month(n + 1).Add(-time.Microsecond)} {
			if _, err := addEventAt(t.Context(), s, at); err != nil {
				t.Fatal(err)
			}
		}
	}
	for table, want := range map[string]int{"audit_events_2040_01": 2, "audit_events_2040_04": 2, "audit_events_default": 4, "audit_events": 12} {
		var got int
		if err := s.Get(t.Context(), &got, `SELECT count(*) FROM `+table); err != nil || got != want {
			t.Errorf("%s has %d events, %v, want %d", table, got, err, want)
		}
	}
	// The months of these events cannot get a partition, but later ones can.
	if err := s.PrepareEvents(t.Context(), month(4)); !errors.Is(err, auth.ErrMonthOccupied) || !strings.Contains(err.Error(), "2040-06") {
		t.Errorf("PrepareEvents: %v", err)
	}
	if got := partitions(t, s); !strings.HasSuffix(got, "audit_events_2040_04 audit_events_2040_07 audit_events_2040_08 audit_events_default") {
		t.Errorf("partitions: %s", got)
	}
	sweep := func(before time.Time, left int) {
		t.Helper()
		var replicas sync.WaitGroup
		for range 3 {
			replicas.Go(func() {
				for n := 1; n > 0; {
					var err error
					if n, err = s.SweepEvents(t.Context(), before, 1); err != nil {
						t.Errorf("SweepEvents: %v", err)
					}
				}
			})
		}
		replicas.Wait()
		for n := 1; n > 0; { // replicas may have been in each other's way
			var err error
			if n, err = s.SweepEvents(t.Context(), before, 1); err != nil {
				t.Fatal(err)
			}
		}
		var got int
		if err := s.Get(t.Context(), &got, `SELECT count(*) FROM audit_events`); err != nil || got != left {
			t.Errorf("before %s: %d events are left, %v, want %d", before, got, err, left)
		}
	}
	sweep(month(1).Add(-time.Microsecond), 12) // one event of the month is not old enough
	sweep(month(1), 10)
	sweep(month(4).Add(time.Hour), 3) // all months, and one event of the default partition
	sweep(month(6), 0)
	if got := partitions(t, s); got != "audit_events_2040_07 audit_events_2040_08 audit_events_default" {
		t.Errorf("partitions: %s", got)
	}
	if err := s.Exec(t.Context(), `DELETE FROM audit_events_default`); err != nil { // no row, so no trigger
		t.Fatal(err)
	}
	if _, err := addEventAt(t.Context(), s, month(0)); err != nil {
		t.Fatal(err)
	}
	if err := s.Exec(t.Context(), `DELETE FROM audit_events`); err == nil {
		t.Error("after a sweep, the default partition can be changed")
	}
}

// TestAuditLogOfAnotherOwner runs the server's jobs as a role that may only read and write rows.
func TestAuditLogOfAnotherOwner(t *testing.T) {
	t.Parallel()
	at := storetest.URLs["postgres"](t)
	owner := open(t, at)
	u, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	role := "writer_of_" + u.Path[1:]
	exec(t, owner, "CREATE ROLE "+role+" LOGIN PASSWORD 'c0rrect'")
	defer func() { exec(t, owner, "DROP OWNED BY "+role); exec(t, owner, "DROP ROLE "+role) }()
	exec(t, owner, "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+role)
	u.User = url.UserPassword(role, "c0rrect")
	s, err := store.Open(t.Context(), u.String(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	later := time.Date(2040, 1, 2, 0, 0, 0, 0, time.UTC)
	for range 2 {
		if err := s.PrepareEvents(t.Context(), later); !errors.Is(err, auth.ErrNotOwner) {
			t.Errorf("PrepareEvents: %v, want %v", err, auth.ErrNotOwner)
		}
		if _, err := addEventAt(t.Context(), s, later); err != nil {
			t.Fatalf("an event without a partition: %v", err)
		}
	}
	if _, err := s.SweepEvents(t.Context(), later.Add(time.Hour), 10); !errors.Is(err, auth.ErrNotOwner) {
		t.Errorf("SweepEvents: %v, want %v", err, auth.ErrNotOwner)
	}
	for _, statement := range []string{
		"DELETE FROM audit_events", "UPDATE audit_events SET kind = 'LOGOUT'", "DELETE FROM audit_events_default",
		"SELECT audit_events_sweep_default('2041-01-01', 10)", "ALTER TABLE audit_events_default DISABLE TRIGGER ALL",
	} {
		if err := s.Exec(t.Context(), statement); err == nil {
			t.Errorf("%s succeeded", statement)
		}
	}
	if n, err := owner.SweepEvents(t.Context(), later.Add(time.Hour), 10); err != nil || n == 0 {
		t.Errorf("SweepEvents of the owner: %d, %v", n, err)
	}
}

// TestSweepEventsOnlyOld tries to use the sweep of SQLite for what it must not delete.
func TestSweepEventsOnlyOld(t *testing.T) {
	t.Parallel()
	s := open(t, storetest.URLs["sqlite"](t))
	now := time.Date(2030, 1, 2, 0, 0, 0, 0, time.UTC)
	for n := range 3 {
		if _, err := addEventAt(t.Context(), s, now.Add(time.Duration(n)*time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.SweepEvents(t.Context(), now.Add(time.Hour), 10); n != 1 || err != nil {
		t.Fatalf("SweepEvents: %d, %v", n, err)
	}
	if err := s.Exec(t.Context(), `DELETE FROM audit_events`); err == nil {
		t.Error("after a sweep, events can be deleted")
	}
	err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
		inside := tx.(*store.Store)
		if err := inside.Exec(ctx, `INSERT INTO audit_retention (first_id) VALUES ($1)`, auth.FirstID(now.Add(2*time.Hour))); err != nil {
			return err
		}
		return inside.Exec(ctx, `DELETE FROM audit_events`)
	})
	if err == nil {
		t.Error("a sweep deleted an event that is not old")
	}
	if err := s.Exec(t.Context(), `UPDATE audit_events SET kind = 'LOGOUT'`); err == nil {
		t.Error("an event was changed")
	}
}

// TestExportRace follows the audit log beside transactions that commit in another order than they began, and whose events
// have times in any order. Each event must come once, in an order that does not change. Meanwhile old events are deleted.
func TestExportRace(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		const writers, each = 6, 40
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		now := time.Now()
		old := now.AddDate(-3, 0, 0)
		var (
			mu      sync.Mutex
			written = map[uuid.UUID]bool{}
			done    atomic.Bool
			running sync.WaitGroup
		)
		for w := range writers {
			running.Go(func() {
				for n := range each {
					var ids []uuid.UUID
					err := s.InTx(ctx, func(ctx context.Context, tx auth.Store) error {
						ids = nil
						for range 1 + n%3 {
							// The earlier a writer is, the older are its events.
							id, err := addEventAt(ctx, tx, now.Add(time.Duration(w-writers)*time.Minute))
							if err != nil {
								return err
							}
							ids = append(ids, id)
						}
						if n%7 == w { // one that is over late: others begin and end in between
							if err := tx.(*store.Store).Exec(ctx, map[bool]string{true: `SELECT 1`, false: `SELECT pg_sleep(0.05)`}[strings.HasSuffix(t.Name(), "sqlite")]); err != nil {
								return err
							}
						}
						if n%10 == 9 {
							return errRolledBack
						}
						return nil
					})
					switch {
					case err == nil:
						mu.Lock()
						for _, id := range ids {
							written[id] = true
						}
						mu.Unlock()
					case !errors.Is(err, errRolledBack):
						t.Errorf("add: %v", err)
					}
				}
			})
		}
		var jobs sync.WaitGroup
		jobs.Go(func() {
			for n := 0; !done.Load(); n++ {
				if _, err := addEventAt(ctx, s, old); err != nil {
					t.Errorf("add an old event: %v", err)
				}
				if err := s.PrepareEvents(ctx, now.AddDate(0, n%5, 0)); err != nil {
					t.Errorf("PrepareEvents: %v", err)
				}
				if _, err := s.SweepEvents(ctx, now.AddDate(-1, 0, 0), 100); err != nil {
					t.Errorf("SweepEvents: %v", err)
				}
			}
		})
		go func() { running.Wait(); done.Store(true) }()

		var got []uuid.UUID
		seen := map[uuid.UUID]bool{}
		q := auth.AuditExport{Limit: 7, From: new(now.Add(-time.Hour))}
		for {
			over := done.Load()
			begin, err := s.EventProgress(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for progress := begin; over && progress.Settled < begin.Next; {
				if progress, err = s.EventProgress(ctx); err != nil {
					t.Fatal(err)
				}
			}
			page, position, err := s.ExportEvents(ctx, q)
			if err != nil {
				t.Fatal(err)
			}
			q.After = position
			for _, e := range page {
				if seen[e.ID] {
					t.Errorf("%s came twice", e.ID)
				}
				seen[e.ID], got = true, append(got, e.ID)
			}
			if over && len(page) < q.Limit {
				break
			}
		}
		jobs.Wait()
		if len(written) < writers*each {
			t.Fatalf("only %d events were written", len(written))
		}
		for id := range written {
			if !seen[id] {
				t.Errorf("%s did not come", id)
			}
		}
		if len(seen) != len(written) {
			t.Errorf("%d events came, %d were committed", len(seen), len(written))
		}
		// The same order again, from any event on.
		for _, from := range []int{0, len(got) / 2, len(got) - 1} {
			q.After, q.Limit = mustPosition(t, s, got[from]), 10_000
			page, _, err := s.ExportEvents(ctx, q)
			if err != nil || len(page) != len(got)-1-from {
				t.Fatalf("after event %d of %d: %d events, %v", from, len(got), len(page), err)
			}
			for n, e := range page {
				if e.ID != got[from+1+n] {
					t.Fatalf("after event %d, event %d is another", from, n)
				}
			}
		}
	})
}

var errRolledBack = errors.New("rolled back")

func mustPosition(t *testing.T, s *store.Store, id uuid.UUID) *auth.AuditPosition {
	t.Helper()
	p, err := s.EventPosition(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}
