package rekey_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"usher/internal/rekey"
	"usher/internal/seal"
	"usher/internal/store"
	"usher/internal/storetest"
)

const (
	older    = "q7Vd2Lk0ZtB9xWmY5nRfHc8JsPe4UaGi"
	newer    = "Zk3Xp9Wc1Vb7Nm5Qa8Ls2Df6Gh4Jt0Ry"
	lifetime = 30 * 24 * time.Hour
	margin   = time.Hour
)

// clock is the time of all servers of a test.
type clock struct{ at time.Time }

func (c *clock) now() time.Time          { return c.at }
func (c *clock) advance(d time.Duration) { c.at = c.at.Add(d) }

// server is a server with its secrets, as one process.
type server struct {
	*rekey.Service
	secrets  *seal.Secrets
	log      *bytes.Buffer
	resealed int
}

func each(t *testing.T, test func(t *testing.T, start func(current, previous string) *server, c *clock)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := &clock{time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
		test(t, func(current, previous string) *server { return newServer(t, s, c, current, previous) }, c)
	})
}

// newServer returns a server that has not started yet.
func newServer(t *testing.T, s rekey.Store, c *clock, current, previous string) *server {
	t.Helper()
	var before []byte
	if previous != "" {
		before = []byte(previous)
	}
	secrets, err := seal.NewSecrets([]byte(current), before, c.now)
	if err != nil {
		t.Fatal(err)
	}
	made := &server{secrets: secrets, log: &bytes.Buffer{}}
	made.Service, err = rekey.New(rekey.Options{
		Store: s, Secrets: secrets, Lifetime: lifetime, Now: c.now, Log: slog.New(slog.NewTextHandler(made.log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	made.Register("texts", func(context.Context) (int, error) { made.resealed++; return 1, nil })
	return made
}

// keep is one run of the job.
func (s *server) keep(t *testing.T) *server {
	t.Helper()
	if err := s.Keep(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// check fails the test unless the previous secret has a state.
func (s *server) check(t *testing.T, when string, want rekey.State) {
	t.Helper()
	status, err := s.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status.State != want || s.secrets.PreviousEnded() != (want == rekey.Ended) {
		t.Errorf("%s: %s, ended %t, want %s", when, status.State, s.secrets.PreviousEnded(), want)
	}
}

// TestOneStep changes the secret of a single server.
func TestOneStep(t *testing.T) {
	each(t, func(t *testing.T, start func(current, previous string) *server, c *clock) {
		start(older, "").keep(t)
		c.advance(10 * time.Minute)
		changed := start(newer, older).keep(t)
		changed.check(t, "changed", rekey.Accepted)
		if changed.resealed != 1 {
			t.Errorf("resealed %d times, want once", changed.resealed)
		}
		c.advance(lifetime)
		changed.keep(t).check(t, "after the longest session of the last record", rekey.Accepted)
		c.advance(margin)
		changed.keep(t).check(t, "after that", rekey.Ended)
		if log := changed.log.String(); strings.Count(log, "needed for now") != 1 || strings.Count(log, "remove USHER_SECRET_KEY_PREVIOUS") != 1 ||
			strings.Contains(log, older) || strings.Contains(log, newer) {
			t.Errorf("the log is %s", log)
		}
		start(newer, older).keep(t).check(t, "after a restart", rekey.Ended)
		start(newer, "").keep(t).check(t, "without the setting", rekey.None)
		start(newer, older).keep(t).check(t, "with the setting again", rekey.Ended)
	})
}

// TestEarlierRelease changes the secret together with the update from a release that recorded nothing.
func TestEarlierRelease(t *testing.T) {
	each(t, func(t *testing.T, start func(current, previous string) *server, c *clock) {
		changed := start(newer, older).keep(t)
		changed.check(t, "after the update", rekey.Accepted)
		c.advance(lifetime)
		changed.keep(t).check(t, "at the end of all sessions", rekey.Accepted)
		c.advance(margin)
		changed.keep(t).check(t, "after that", rekey.Ended)
	})
}

// TestLongStop changes the secret after the servers were stopped for longer than the previous secret was needed. What is
// stored is still encrypted with it.
func TestLongStop(t *testing.T) {
	each(t, func(t *testing.T, start func(current, previous string) *server, c *clock) {
		start(older, "").keep(t)
		c.advance(2 * lifetime)
		changed := start(newer, older)
		changed.check(t, "before the start", rekey.Accepted)
		if changed.keep(t).check(t, "after the start", rekey.Accepted); changed.resealed != 1 {
			t.Errorf("resealed %d times, want once", changed.resealed)
		}
		c.advance(lifetime + margin)
		changed.keep(t).check(t, "later", rekey.Ended)
	})
}

// TestReplicas changes two replicas one after the other, in three phases.
func TestReplicas(t *testing.T) {
	each(t, func(t *testing.T, start func(current, previous string) *server, c *clock) {
		start(older, "").keep(t)
		c.advance(200 * 24 * time.Hour)
		first, second := start(older, newer).keep(t), start(older, newer).keep(t)
		first.check(t, "phase 1", rekey.Next)
		c.advance(2 * lifetime) // however long the operator waits
		second.keep(t).check(t, "a long phase 1", rekey.Next)

		first = start(newer, older).keep(t)
		first.check(t, "phase 2", rekey.Accepted)
		if second.keep(t).check(t, "the other replica in phase 1", rekey.Accepted); second.resealed != 0 {
			t.Error("the replica with the old secret has resealed")
		}
		if first.keep(t); first.resealed != 2 {
			t.Errorf("the replica with the new secret has resealed %d times, want 2", first.resealed)
		}
		c.advance(5 * time.Minute)
		second.keep(t) // its last record
		last := c.at
		second = start(newer, older).keep(t)
		c.advance(lifetime + margin - time.Nanosecond)
		first.keep(t).check(t, "before the end", rekey.Accepted)
		if status, err := second.Load(t.Context()); err != nil || !status.AcceptedUntil.Equal(last.Add(lifetime+margin)) {
			t.Errorf("accepted until %v, %v", status.AcceptedUntil, err)
		}
		c.advance(time.Nanosecond)
		second.check(t, "at the end", rekey.Ended)
	})
}

// TestUndone changes the secret and then changes it back.
func TestUndone(t *testing.T) {
	each(t, func(t *testing.T, start func(current, previous string) *server, c *clock) {
		start(older, "").keep(t)
		c.advance(time.Hour)
		start(newer, older).keep(t)
		c.advance(time.Hour)
		start(newer, older).keep(t)
		back := start(older, newer).keep(t)
		if back.check(t, "swapped back", rekey.Accepted); back.resealed != 0 {
			t.Error("resealed while another replica may have the new secret")
		}
		c.advance(31 * time.Minute)
		if back.keep(t); back.resealed != 1 {
			t.Errorf("resealed %d times after the other replicas have stopped, want once", back.resealed)
		}
		c.advance(lifetime + margin)
		back.keep(t).check(t, "later", rekey.Ended)
	})
}

// TestShorterSessions lowers the lifetime of sessions during the change. Those that have begun before keep theirs.
func TestShorterSessions(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := &clock{time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
		newServer(t, s, c, older, "").keep(t)
		secrets, err := seal.NewSecrets([]byte(newer), []byte(older), c.now)
		if err != nil {
			t.Fatal(err)
		}
		short, err := rekey.New(rekey.Options{Store: s, Secrets: secrets, Lifetime: time.Minute, Now: c.now, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		if err := short.Use(t.Context()); err != nil {
			t.Fatal(err)
		}
		status, err := short.Load(t.Context())
		if err != nil || !status.AcceptedUntil.Equal(c.at.Add(lifetime+margin)) {
			t.Errorf("accepted until %v, %v", status.AcceptedUntil, err)
		}
		if records := status.Records; len(records) != 2 || records[1].GoodUntil.Before(c.at.Add(time.Hour)) {
			t.Errorf("codes in mails end too early: %v", records)
		}
	})
}

// TestStarts starts many replicas at once.
func TestStarts(t *testing.T) {
	each(t, func(t *testing.T, start func(current, previous string) *server, _ *clock) {
		var servers []*server
		for range 8 {
			servers = append(servers, start(newer, older))
		}
		var all sync.WaitGroup
		for _, s := range servers {
			all.Go(func() {
				if err := s.Keep(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for _, s := range servers {
			s.check(t, "after all have started", rekey.Accepted)
		}
	})
}

// TestFaults checks that a server without its database neither ends the previous secret nor goes on as if it had recorded
// its own.
func TestFaults(t *testing.T) {
	t.Parallel()
	c := &clock{time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)}
	broken := errors.New("the database is down")
	s := newServer(t, failing{broken}, c, newer, older)
	if _, err := s.Load(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Load: %v", err)
	}
	if err := s.Keep(t.Context()); !errors.Is(err, broken) || s.resealed != 0 {
		t.Errorf("Keep: %v, resealed %d times", err, s.resealed)
	}
	if s.secrets.PreviousEnded() {
		t.Error("the previous secret has ended")
	}
	s.Register("others", func(context.Context) (int, error) { return 0, broken })
	if _, err := s.Reseal(t.Context()); !errors.Is(err, broken) {
		t.Errorf("Reseal: %v", err)
	}
}

type failing struct{ err error }

func (f failing) ServerSecrets(context.Context) ([]rekey.Record, error) { return nil, f.err }
func (f failing) UseServerSecret(context.Context, *rekey.Record) error  { return f.err }
