package store_test

import (
	"bytes"
	"database/sql"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/observe"
	"usher/internal/pgtest"
	"usher/internal/store"
)

// clock is a clock that only advances when a test calls tick.
type clock struct{ passed atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Unix(1_900_000_000, 0).Add(time.Duration(c.passed.Load()))
}

// tick advances the clock by a second, after which connections are checked again.
func (c *clock) tick() { c.passed.Add(int64(time.Second)) }

// conns is the pool size in these tests.
const conns = 4

// cluster is a primary and a standby with a migrated database, which contains a user with a session.
type cluster struct {
	*pgtest.Pair

	primary, standby string // URLs of the database on each server
	gate             *gate  // forwards to the primary
	clock            clock
	session          uuid.UUID
	log              warnings // from the stores that open returns
}

// warnings counts the log records about replaced connections.
type warnings struct{ n atomic.Int64 }

func (w *warnings) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("replacing all connections")) {
		w.n.Add(1)
	}
	return len(line), nil
}

func (c *cluster) wantWarnings(t *testing.T, when string, want int64) {
	t.Helper()
	if got := c.log.n.Load(); got != want {
		t.Errorf("%s: %d warnings so far, want %d", when, got, want)
	}
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	pair, err := pgtest.StartPair(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pair.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := &cluster{Pair: pair, gate: newGate(t, pair.Primary)}
	if c.primary, err = pair.Primary.CreateDatabase(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if c.standby, err = pair.Standby.At(c.primary); err != nil {
		t.Fatal(err)
	}
	s := open(t, c.primary)
	migrate(t, s)
	c.session = signIn(t, s)
	if err := c.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	return c
}

// open opens the database at a URL and fills the pool. The store uses the cluster's clock.
func (c *cluster) open(t *testing.T, at string) *store.Store {
	t.Helper()
	s := openWith(t, at, store.Options{
		MaxConns: conns, Now: c.clock.now, Observer: observe.New(observe.Options{Log: slog.New(slog.NewTextHandler(&c.log, nil))}),
	})
	for _, conn := range hold(t, s) {
		_ = conn.Close()
	}
	return s
}

// hold takes all connections of the pool.
func hold(t *testing.T, s *store.Store) (held []*sql.Conn) {
	t.Helper()
	for range conns {
		conn, err := s.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	return held
}

// onEach runs a query for one value on each connection of the pool.
func onEach[T any](t *testing.T, s *store.Store, query string, args ...any) (values []T) {
	t.Helper()
	for _, conn := range hold(t, s) {
		var value T
		if err := conn.QueryRowContext(t.Context(), query, args...).Scan(&value); err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
		defer conn.Close()
	}
	return values
}

// demote makes the primary read-only. Connections to it stay open.
func (c *cluster) demote(t *testing.T, s *store.Store) {
	t.Helper()
	for _, statement := range []string{"ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"} {
		if err := c.Primary.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for demoted := false; !demoted; { // the setting reaches each session at a different time
		demoted = true
		for _, readOnly := range onEach[bool](t, s, `SELECT current_setting('transaction_read_only') = 'on'`) {
			demoted = demoted && readOnly
		}
	}
}

// failOver demotes the primary, promotes the standby, and ends the user's session on the new primary.
func (c *cluster) failOver(t *testing.T, s *store.Store) {
	t.Helper()
	c.demote(t, s)
	c.promote(t)
	c.gate.lead(c.Standby)
	ended, err := open(t, c.standby).EndSession(t.Context(), c.session, time.Date(2030, 1, 31, 23, 59, 59, 500_000_000, time.UTC))
	if err != nil || !ended {
		t.Fatalf("EndSession: %t, %v", ended, err)
	}
}

func (c *cluster) promote(t *testing.T) {
	t.Helper()
	if err := c.Standby.Exec(t.Context(), "SELECT pg_promote()"); err != nil {
		t.Fatal(err)
	}
}

// live reports for each connection of the pool whether the user's session is live there.
func (c *cluster) live(t *testing.T, s *store.Store) []bool {
	t.Helper()
	return onEach[bool](t, s, `SELECT ended_at IS NULL FROM sessions WHERE id = $1`, c.session)
}

func count(values []bool) (n int) {
	for _, value := range values {
		if value {
			n++
		}
	}
	return n
}

func addAttempt(t *testing.T, s *store.Store) error {
	t.Helper()
	return countAttempt(t.Context(), s, "key")
}

// wantNew fails the test if a server process is in both lists.
func wantNew(t *testing.T, before, after []int) {
	t.Helper()
	old := map[int]bool{}
	for _, pid := range before {
		old[pid] = true
	}
	for _, pid := range after {
		if old[pid] {
			t.Errorf("a connection to process %d is still used: %v, then %v", pid, before, after)
		}
	}
}
