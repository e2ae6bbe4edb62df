package store_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/observe"
	"usher/internal/store"
	"usher/internal/storetest"
)

// text is a log that several goroutines may write and read.
type text struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *text) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(line)
}

func (l *text) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

// openReading opens the primary, with the standby for lists.
func (c *cluster) openReading(t *testing.T, log *text) *store.Store {
	t.Helper()
	return openWith(t, c.primary, store.Options{
		MaxConns: conns, ReadURL: c.standby, Now: c.clock.now,
		Observer: observe.New(observe.Options{Log: slog.New(slog.NewTextHandler(log, nil))}),
	})
}

func (c *cluster) onStandby(t *testing.T, statement string) {
	t.Helper()
	if err := c.Standby.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// awaitStandby waits until a condition holds on the standby.
func (c *cluster) awaitStandby(t *testing.T, condition string) {
	t.Helper()
	for c.Standby.Exec(t.Context(), "SELECT 1 / ("+condition+")::int FROM pg_sleep(0.01)") != nil {
		if t.Context().Err() != nil {
			t.Fatal(t.Context().Err())
		}
	}
}

// addEvent adds an event to the audit log and returns its id.
func addEvent(t *testing.T, s auth.Store) uuid.UUID {
	t.Helper()
	e := &auth.AuditEvent{ID: uuid.Must(uuid.NewV7()), At: time.Now().UTC().Truncate(time.Microsecond), Kind: auth.EventLogin}
	if err := s.AddEvent(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	return e.ID
}

var anyEvents = auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 10}}

func events(t *testing.T, s auth.Store, q auth.AuditEventQuery) int {
	t.Helper()
	found, err := s.Events(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// TestStandbyServesLists stops the replay of the standby, so that the primary has rows that the standby lacks.
func TestStandbyServesLists(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	var log text
	s := c.openReading(t, &log)
	c.onStandby(t, "SELECT pg_wal_replay_pause()")
	id := addEvent(t, s)
	at := time.Now().UTC().Truncate(time.Microsecond)
	mail := &auth.MailMessage{
		ID: uuid.Must(uuid.NewV7()), Kind: auth.MailSignUp, State: auth.MailQueued, NextAttemptAt: at, CreatedAt: at, ExpiresAt: at.Add(time.Hour),
	}
	if err := s.AddMail(t.Context(), mail); err != nil {
		t.Fatal(err)
	}
	if ended, err := s.EndSession(t.Context(), c.session, time.Date(2030, 1, 31, 23, 59, 59, 500_000_000, time.UTC)); err != nil || !ended {
		t.Fatalf("EndSession: %t, %v", ended, err)
	}
	c.awaitStandby(t, "pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()")
	users := auth.UserQuery{Order: auth.UsersByCreatedAt, Page: auth.Page[auth.UserPosition]{Limit: 10}}

	t.Run("lists", func(t *testing.T) {
		if n := events(t, s, anyEvents); n != 0 {
			t.Errorf("%d events, want those of the standby", n)
		}
		if found, err := s.Users(t.Context(), users); err != nil || len(found) != 1 {
			t.Errorf("Users: %d, %v", len(found), err)
		}
		if found, err := s.Mails(t.Context(), auth.MailQuery{Page: auth.Page[uuid.UUID]{Limit: 10}}); err != nil || len(found) != 0 {
			t.Errorf("Mails: %d, %v, want those of the standby", len(found), err)
		}
		counts, err := s.CountEvents(t.Context(), auth.EventLogin, []time.Time{time.Now().Add(-time.Hour), time.Now().Add(time.Hour)})
		if err != nil || counts[0] != 0 {
			t.Errorf("CountEvents: %v, %v, want those of the standby", counts, err)
		}
	})
	t.Run("everything else reads the primary", func(t *testing.T) {
		if v, err := s.Viewer(t.Context(), c.session); err != nil || v.Session.EndedAt == nil {
			t.Errorf("Viewer: %v, %v, want a session that was ended", v, err)
		}
		if v, err := s.RefreshState(t.Context(), c.session); err != nil || v.Session.EndedAt == nil {
			t.Errorf("RefreshState: %v, %v, want a session that was ended", v, err)
		}
		if n := events(t, s, auth.AuditEventQuery{ID: &id, Page: anyEvents.Page}); n != 1 {
			t.Error("an event that was just added is not found by its id")
		}
		if found, err := s.Mails(t.Context(), auth.MailQuery{ID: &mail.ID, Page: auth.Page[uuid.UUID]{Limit: 1}}); err != nil || len(found) != 1 {
			t.Errorf("Mails by id: %d, %v", len(found), err)
		}
		if found, err := s.Mails(t.Context(), auth.MailQuery{Current: true, Page: auth.Page[uuid.UUID]{Limit: 10}}); err != nil || len(found) != 1 {
			t.Errorf("Mails that are current: %d, %v", len(found), err)
		}
		err := s.InTx(t.Context(), func(_ context.Context, tx auth.Store) error {
			addEvent(t, tx)
			if n := events(t, tx, anyEvents); n != 2 {
				t.Errorf("%d events in a transaction, want its own", n)
			}
			return errors.New("roll back")
		})
		if err == nil {
			t.Error("no error")
		}
	})
	t.Run("not when it is behind", func(t *testing.T) {
		s.SetMaxLag(0)
		c.clock.tick()
		if n := events(t, s, anyEvents); n != 1 {
			t.Errorf("%d events, want those of the primary", n)
		}
		s.SetMaxLag(time.Hour)
		c.clock.passed.Add(int64(time.Minute))
		if n := events(t, s, anyEvents); n != 0 {
			t.Errorf("%d events, want those of the standby again", n)
		}
	})
	t.Run("not when it is cut off", func(t *testing.T) {
		if err := c.Primary.Stop(); err != nil {
			t.Fatal(err)
		}
		c.awaitStandby(t, "NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")
		c.clock.tick()
		_, err := s.Events(t.Context(), anyEvents)
		wantError(t, "Events", err, auth.ErrUnavailable)
	})
	if n := log.count("reading lists from the primary"); n != 2 {
		t.Errorf("%d warnings, want one for each time", n)
	}
	if n := log.count("reading lists from the standby again"); n != 1 {
		t.Errorf("%d recoveries logged, want 1", n)
	}
}

// TestStandbyGone opens the store while the standby is stopped, and stops it later.
func TestStandbyGone(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(t *testing.T, c *cluster, log *text) *store.Store{
		"before the start": func(t *testing.T, c *cluster, log *text) *store.Store {
			if err := c.Standby.Stop(); err != nil {
				t.Fatal(err)
			}
			return c.openReading(t, log)
		},
		"later": func(t *testing.T, c *cluster, log *text) *store.Store {
			s := c.openReading(t, log)
			events(t, s, anyEvents)
			if err := c.Standby.Stop(); err != nil {
				t.Fatal(err)
			}
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			var log text
			s := open(t, c, &log)
			addEvent(t, s)
			for range 3 {
				if n := events(t, s, anyEvents); n != 1 {
					t.Errorf("%d events, want those of the primary", n)
				}
			}
			if n := log.count("reading lists from the primary"); n != 1 {
				t.Errorf("%d warnings, want 1", n)
			}
			ready(t, s, nil)
		})
	}
}

// TestStandbyOfAnother refuses a standby that is not one of the database.
func TestStandbyOfAnother(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	other, err := c.Primary.CreateDatabase(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, url := range map[string]string{"database": other, "server": storetest.URLs["postgres"](t)} {
		s, err := store.Open(t.Context(), c.primary, store.Options{ReadURL: url})
		if failed := new(store.OpenError); !errors.As(err, &failed) || failed.MayPass || !strings.Contains(err.Error(), "not a standby of the database") {
			t.Errorf("another %s: %v, %v", name, s, err)
		}
	}
	for _, at := range []string{storetest.URLs["sqlite"](t), c.primary} {
		if _, err := store.Open(t.Context(), at, store.Options{ReadURL: "sqlite:other.db"}); err == nil || !strings.Contains(err.Error(), "database read URL: ") {
			t.Errorf("%s with a standby of SQLite: %v", at, err)
		}
	}
	// The primary itself is no mistake: a load balancer may lead there.
	events(t, openWith(t, c.primary, store.Options{ReadURL: c.primary}), anyEvents)
}
