package store_test

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/pgtest"
	"usher/internal/store"
)

// leaseTime is the lease in these tests. They use the clock of the machine, because PostgreSQL takes real time.
const leaseTime = 600 * time.Millisecond

// synchronous sets the standbys that must confirm a commit of the primary.
func (c *cluster) synchronous(t *testing.T, standbys string) {
	t.Helper()
	for _, statement := range []string{"ALTER SYSTEM SET synchronous_standby_names = '" + standbys + "'", "SELECT pg_reload_conf()"} {
		if err := c.Primary.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// both returns a URL of both servers, the primary first.
func (c *cluster) both(t *testing.T) string {
	t.Helper()
	folder := func(s *pgtest.Server) string { return filepath.Dir(s.Socket()) }
	return with(t, c.primary, "host", folder(c.Primary)+","+folder(c.Standby), "port", "5432,5432")
}

// TestLease promotes the standby while the primary goes on accepting writes and reads: as if its cluster manager had
// stopped. The session ends at the new primary. From then on, no replica may find it live.
func TestLease(t *testing.T) {
	t.Parallel()
	for name, lease := range map[string]time.Duration{"lease": leaseTime, "no lease": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.synchronous(t, "*")
			s := openWith(t, c.both(t), store.Options{MaxConns: conns, Lease: lease})
			if v, err := s.Viewer(t.Context(), c.session); err != nil || v.Session.EndedAt != nil {
				t.Fatalf("Viewer: %v, %v, want a live session", v, err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			stuck := make(chan error, 1) // like a commit that waits for the standby
			go func() { stuck <- s.Exec(ctx, `SELECT pg_sleep(60)`) }()
			c.promote(t)
			var other *store.Store // of another replica, which was started after the promotion
			for other == nil {
				var err error
				other, err = store.Open(ctx, c.standby, store.Options{Lease: lease})
				if ctx.Err() != nil {
					t.Fatal(err)
				}
			}
			defer other.Close()
			if ended, err := other.EndSession(ctx, c.session, time.Now()); err != nil || !ended {
				t.Fatalf("EndSession: %t, %v", ended, err)
			}
			if lease == 0 {
				if v, err := s.Viewer(ctx, c.session); err != nil || v.Session.EndedAt != nil {
					t.Errorf("Viewer without a lease: %v, %v, want a stale row, or the other case tests nothing", v, err)
				}
				return
			}
			for {
				v, err := s.Viewer(ctx, c.session)
				if err == nil && v.Session.EndedAt == nil {
					t.Fatal("a replica found a session live after it was ended")
				}
				if err == nil {
					break
				}
				if ctx.Err() != nil {
					t.Fatalf("Viewer: %v, want the row of the new primary", err)
				}
			}
			if err := addAttempt(t, s); err != nil {
				t.Errorf("a write to the new primary: %v", err)
			}
			if err := <-stuck; err == nil || ctx.Err() != nil {
				t.Errorf("a statement at the former primary: %v, want an error before its request times out", err)
			}
		})
	}
}

// TestLeaseEnds takes the synchronous standby away. An administrator who cancels commits that wait for it must not
// prolong the lease: PostgreSQL reports those as successful.
func TestLeaseEnds(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.synchronous(t, "*")
	s := openWith(t, c.primary, store.Options{MaxConns: conns, Lease: leaseTime})
	ready(t, s, nil)
	c.synchronous(t, "nobody")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for s.Ready(ctx) == nil {
		err := c.Primary.Exec(ctx, "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.Viewer(t.Context(), c.session)
	wantError(t, "Viewer", err, auth.ErrUnavailable)
	wantError(t, "ReserveAttempt", addAttempt(t, s), auth.ErrUnavailable)
	_, err = store.Open(ctx, c.primary, store.Options{Lease: leaseTime})
	wantError(t, "Open", err, auth.ErrUnavailable)
	c.synchronous(t, "*")
	for s.Ready(ctx) != nil && ctx.Err() == nil { //nolint:revive // It waits for the next confirmation.
	}
	if _, err := s.Viewer(t.Context(), c.session); err != nil {
		t.Errorf("Viewer: %v", err)
	}
}

// TestLeaseStatements counts the statements of the extended protocol: one for each look-up, also with a lease.
func TestLeaseStatements(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := openWith(t, c.gate.url(t, c.primary), store.Options{MaxConns: 1, Lease: leaseTime})
	find := func(times int) (statements int64) {
		statements = -c.gate.executions.Load()
		for range times {
			if _, err := s.Viewer(t.Context(), c.session); err != nil {
				t.Fatal(err)
			}
		}
		return statements + c.gate.executions.Load()
	}
	find(1) // prepares the statement
	if statements := find(100); statements != 100 {
		t.Errorf("%d statements for 100 look-ups", statements)
	}
}

// TestLeaseHosts checks that the lease tries each host with and without TLS, as the URL says, and leaves the list of
// the pool as it is.
func TestLeaseHosts(t *testing.T) {
	t.Parallel()
	hosts, pool, err := store.LeaseHosts("postgres://user@a,b,c/name?sslmode=prefer")
	if err != nil {
		t.Fatal(err)
	}
	want := [][]string{{"a true", "a false"}, {"b true", "b false"}, {"c true", "c false"}}
	if !slices.EqualFunc(hosts, want, slices.Equal[[]string]) || !slices.Equal(pool, slices.Concat(want...)) {
		t.Errorf("%v, pool %v, want %v", hosts, pool, want)
	}
}
