package store_test

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"usher/internal/auth"
	"usher/internal/pgtest"
	"usher/internal/store"
	"usher/internal/storetest"
)

// TestFailOver makes the primary read-only and promotes the standby. No connection is closed. Once one
// connection detects the change, the store must replace all of them.
func TestFailOver(t *testing.T) {
	t.Parallel()
	for name, notice := range map[string]func(t *testing.T, c *cluster, s *store.Store){
		// The documentation promises detection within one second.
		"time": func(_ *testing.T, c *cluster, _ *store.Store) { c.clock.tick() },
		"write": func(t *testing.T, _ *cluster, s *store.Store) {
			wantError(t, "a write to the old primary", addAttempt(t, s), auth.ErrUnavailable)
		},
		"write in a transaction": func(t *testing.T, _ *cluster, s *store.Store) {
			err := s.InTx(t.Context(), func(ctx context.Context, tx auth.Store) error {
				return countAttempt(ctx, tx, "key")
			})
			wantError(t, "a transaction on the old primary", err, auth.ErrUnavailable)
		},
		"Ready": func(t *testing.T, _ *cluster, s *store.Store) {
			ready(t, s, auth.ErrUnavailable)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			s := c.open(t, c.gate.url(t, c.primary))
			ready(t, s, nil)
			c.failOver(t, s)
			if live := count(c.live(t, s)); live != conns {
				t.Fatalf("%d of %d connections read the old primary, want all before the failover", live, conns)
			}
			if v, err := s.Viewer(t.Context(), c.session); err != nil || v.Session.EndedAt != nil {
				t.Fatalf("Viewer: %v, %v, want what the old primary has, or nothing is tested", v, err)
			}
			notice(t, c, s)
			if v, err := s.Viewer(t.Context(), c.session); err != nil || v.Session.EndedAt == nil {
				t.Errorf("Viewer: %v, %v, want a session that was ended", v, err)
			}
			if live := count(c.live(t, s)); live != 0 {
				t.Errorf("%d of %d connections still read the old primary", live, conns)
			}
			ready(t, s, nil)
			if err := addAttempt(t, s); err != nil {
				t.Errorf("a write to the new primary: %v", err)
			}
		})
	}
}

// TestNoPrimary makes the primary read-only without promoting the standby. The store must not serve stale rows.
func TestNoPrimary(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.open(t, c.gate.url(t, c.primary))
	c.demote(t, s)
	c.clock.tick()
	_, err := s.Viewer(t.Context(), c.session)
	wantError(t, "Viewer", err, auth.ErrUnavailable)
	wantError(t, "ReserveAttempt", addAttempt(t, s), auth.ErrUnavailable)
	ready(t, s, auth.ErrUnavailable)
	for _, statement := range []string{"ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"} {
		if err := c.Primary.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for s.Ready(ctx) != nil && ctx.Err() == nil {
		c.clock.tick() // repeated until the setting has taken effect
	}
	if _, err := s.Viewer(t.Context(), c.session); err != nil {
		t.Errorf("Viewer: %v", err)
	}
}

// TestFirstUse uses connections of the pool for the first time. The requests they were opened for were
// cancelled. database/sql calls ResetSession only on connections that were used before.
func TestFirstUse(t *testing.T) {
	t.Parallel()
	s := openWith(t, storetest.URLs["postgres"](t), store.Options{Now: new(clock).now})
	uses := map[string]func(conn driver.Conn) error{
		"exec": func(conn driver.Conn) error {
			_, err := conn.(driver.ExecerContext).ExecContext(t.Context(), `SELECT 1`, nil)
			return err
		},
		"query": func(conn driver.Conn) error {
			rows, err := conn.(driver.QueryerContext).QueryContext(t.Context(), `SELECT 1`, nil)
			if err == nil {
				err = rows.Close()
			}
			return err
		},
		"begin": func(conn driver.Conn) error {
			_, err := conn.(driver.ConnBeginTx).BeginTx(t.Context(), driver.TxOptions{})
			return err
		},
		"prepare": func(conn driver.Conn) error {
			_, err := conn.(driver.ConnPrepareContext).PrepareContext(t.Context(), `SELECT 1`)
			return err
		},
	}
	for name, use := range uses {
		for _, outdated := range []bool{false, true} {
			conn, err := s.Open(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if outdated {
				if err := s.Exec(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`); err == nil {
					t.Fatal("the session did not end")
				}
			}
			if err := use(conn); outdated != errors.Is(err, driver.ErrBadConn) {
				t.Errorf("%s, outdated: %t: %v", name, outdated, err)
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestSeveralHosts connects with a URL that lists the standby first.
func TestSeveralHosts(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	folder := func(s *pgtest.Server) string { return filepath.Dir(s.Socket()) }
	both := with(t, c.primary, "host", folder(c.Standby)+","+folder(c.Primary), "port", "5432,5432")

	// An explicit setting overrides the default.
	anywhere := open(t, with(t, both, "target_session_attrs", "any"))
	ready(t, anywhere, auth.ErrUnavailable)
	if _, err := anywhere.Viewer(t.Context(), c.session); err != nil {
		t.Errorf("Viewer at the standby: %v", err)
	}
	wantError(t, "a write to the standby", addAttempt(t, anywhere), auth.ErrUnavailable)

	s := c.open(t, both)
	ready(t, s, nil)
	if err := addAttempt(t, s); err != nil {
		t.Errorf("a write: %v", err)
	}
	c.failOver(t, s)
	c.clock.tick()
	if err := addAttempt(t, s); err != nil {
		t.Errorf("a write after the fail-over: %v", err)
	}
	if live := count(c.live(t, s)); live != 0 {
		t.Errorf("%d of %d connections still read the old primary", live, conns)
	}
	ready(t, s, nil)
}

// TestTargetFromEnvironment sets target_session_attrs by the environment variable of libpq and pgx.
func TestTargetFromEnvironment(t *testing.T) {
	c := newCluster(t)
	_, err := store.Open(t.Context(), c.standby, store.Options{})
	wantError(t, "Open of a standby", err, auth.ErrUnavailable)
	t.Setenv("PGTARGETSESSIONATTRS", "any")
	ready(t, open(t, c.standby), auth.ErrUnavailable)
}

// TestSessionsEnded terminates one session, as a stopping server does with all of them.
func TestSessionsEnded(t *testing.T) {
	t.Parallel()
	s := openWith(t, storetest.URLs["postgres"](t), store.Options{MaxConns: conns, Now: new(clock).now})
	before := onEach[int](t, s, `SELECT pg_backend_pid()`)
	held := hold(t, s)
	if _, err := held[0].ExecContext(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`); err == nil {
		t.Fatal("the session did not end")
	}
	for _, conn := range held {
		_ = conn.Close() // to the pool
	}
	wantNew(t, before, onEach[int](t, s, `SELECT pg_backend_pid()`))
}

// TestServerStarting connects to a server that rejects connections while it starts. Connections to another
// server are open.
func TestServerStarting(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := openWith(t, c.gate.url(t, c.primary), store.Options{MaxConns: conns + 1, Now: c.clock.now})
	held := hold(t, s)
	var before []int
	for _, conn := range held {
		var pid int
		if err := conn.QueryRowContext(t.Context(), `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
			t.Fatal(err)
		}
		before = append(before, pid)
	}
	c.gate.lead(nil)
	wantError(t, "a new connection", addAttempt(t, s), auth.ErrUnavailable)
	for _, conn := range held {
		_ = conn.Close() // to the pool
	}
	c.gate.lead(c.Primary)
	wantNew(t, before, onEach[int](t, s, `SELECT pg_backend_pid()`))
}

// TestOtherHostStarting connects with a URL of two hosts. The first one rejects connections while it starts.
// Connections to the primary, the second one, must stay open.
func TestOtherHostStarting(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.gate.lead(nil)
	host, port, err := net.SplitHostPort(c.gate.address)
	if err != nil {
		t.Fatal(err)
	}
	both := with(t, c.primary, "host", host+","+filepath.Dir(c.Primary.Socket()), "port", port+",5432")
	s := c.open(t, both)
	before := onEach[int](t, s, `SELECT pg_backend_pid()`)
	// Discard one connection, so that the store opens another one and tries the starting host.
	held := hold(t, s)
	if err := held[0].Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(err, driver.ErrBadConn) {
		t.Fatal(err)
	}
	for _, conn := range held {
		_ = conn.Close() // to the pool
	}
	after := onEach[int](t, s, `SELECT pg_backend_pid()`)
	kept := 0
	for _, pid := range after {
		if slices.Contains(before, pid) {
			kept++
		}
	}
	if kept != conns-1 {
		t.Errorf("%d connections were kept, want all but one: %v, then %v", kept, before, after)
	}
}

// TestServerStartingForLong connects repeatedly, as requests do during a restart of the server.
func TestServerStartingForLong(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.open(t, c.gate.url(t, c.primary))
	for restarts := range int64(2) {
		c.gate.lead(nil)
		for range 5 {
			if _, err := s.Open(t.Context()); err == nil {
				t.Fatal("a server that is starting up accepted a connection")
			}
			c.wantWarnings(t, "starting up", restarts+1)
		}
		c.gate.lead(c.Primary)
		ready(t, s, nil)
	}
}

// TestNetworkCut stops all traffic on open connections. A request must wait for one check at most.
func TestNetworkCut(t *testing.T) {
	t.Parallel()
	for name, parameters := range map[string][]string{
		"read-write": nil,
		"any":        {"target_session_attrs", "any"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			s := c.open(t, with(t, c.gate.url(t, c.primary), parameters...))
			before := onEach[int](t, s, `SELECT pg_backend_pid()`)
			c.gate.freeze()
			c.clock.tick()
			checks := -c.gate.queries.Load()
			if _, err := s.Viewer(t.Context(), c.session); err != nil {
				t.Errorf("Viewer: %v", err)
			}
			checks += c.gate.queries.Load()
			// One check gets no answer. A new connection is checked too, unless any server is allowed.
			if want := int64(2 - len(parameters)/2); checks != want {
				t.Errorf("%d checks, want %d", checks, want)
			}
			wantNew(t, before, onEach[int](t, s, `SELECT pg_backend_pid()`))
			c.wantWarnings(t, "after the cut", 1)
		})
	}
}

// TestCheckCancelled cancels a request during a check. This must not replace the connections.
func TestCheckCancelled(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.open(t, c.gate.url(t, c.primary))
	c.gate.freeze()
	c.clock.tick()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := s.Conn(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Conn: %v", err)
	}
	c.wantWarnings(t, "after the caller cancelled", 0)
}

// TestChecksAreRare counts messages to the server: one statement for each look-up, and one check each second.
func TestChecksAreRare(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := openWith(t, c.gate.url(t, c.primary), store.Options{MaxConns: 1, Now: c.clock.now})
	find := func(times int) (checks, statements int64) {
		checks, statements = -c.gate.queries.Load(), -c.gate.executions.Load()
		for range times {
			if _, err := s.Viewer(t.Context(), c.session); err != nil {
				t.Fatal(err)
			}
		}
		return checks + c.gate.queries.Load(), statements + c.gate.executions.Load()
	}
	find(1) // prepares the statement
	if checks, statements := find(100); checks != 0 || statements != 100 {
		t.Errorf("%d checks and %d statements for 100 look-ups within a second", checks, statements)
	}
	c.clock.tick()
	if checks, statements := find(100); checks != 1 || statements != 100 {
		t.Errorf("%d checks and %d statements for 100 look-ups a second later", checks, statements)
	}
}

// TestStandbyAlone opens the URL of a standby, as after a misconfiguration.
func TestStandbyAlone(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for _, at := range []string{c.standby, with(t, c.standby, "target_session_attrs", "primary")} {
		s, err := store.Open(t.Context(), at, store.Options{})
		wantError(t, "Open", err, auth.ErrUnavailable)
		if err == nil {
			_ = s.Close()
		}
	}
}
