package auth_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/graph/signin"
	"usher/internal/auth"
	"usher/internal/auth/authtest"
	"usher/internal/auth/domain"
	"usher/internal/auth/operator"
)

// auditLog returns the ids of all events in the order of an export.
func (f *fixture) auditLog(t *testing.T, o operator.ExportOptions) (ids []uuid.UUID) {
	t.Helper()
	always := make(chan time.Time)
	close(always)
	o.Wait = always
	err := f.ExportEvents(t.Context(), o, func(events []auth.AuditEvent) error {
		for i := range events {
			ids = append(ids, events[i].ID)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// TestAuditRetention adds an event every day for a year, with servers that keep events for ever and for 60 days.
func TestAuditRetention(t *testing.T) {
	t.Parallel()
	const day, kept = 24 * time.Hour, 60
	eachDatabase(t, func(t *testing.T, f *fixture) {
		// After the months that the migration has made by the clock of the database.
		f.Clock.Advance(time.Date(2050, 1, 1, 0, 0, 0, 0, time.UTC).Sub(f.Clock.Now()))
		keeps := f.newParts(t, domain.Options{})
		sweeps := f.newParts(t, domain.Options{AuditRetention: kept * day})
		for days := range 365 {
			if days%73 == 0 {
				before := len(f.auditLog(t, operator.ExportOptions{}))
				if err := keeps.Sweep(t.Context()); err != nil {
					t.Fatal(err)
				}
				if left := len(f.auditLog(t, operator.ExportOptions{})); left != before {
					t.Errorf("after %d days, a server without a retention deleted %d events", days, before-left)
				}
			}
			f.Clock.Advance(day)
			if err := f.Store.AddEvent(t.Context(), &auth.AuditEvent{ID: auth.FirstID(f.Clock.Now()), At: f.Clock.Now(), Kind: auth.EventLogin}); err != nil {
				t.Fatal(err)
			}
		}
		var replicas sync.WaitGroup
		for range 3 {
			replicas.Go(func() {
				if err := sweeps.Sweep(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		replicas.Wait()
		if err := sweeps.Sweep(t.Context()); err != nil { // the replicas may have been in each other's way
			t.Fatal(err)
		}
		events, err := f.Store.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 1000}})
		if err != nil {
			t.Fatal(err)
		}
		oldest := f.Clock.Now().Sub(events[len(events)-1].At)
		if len(events) <= kept || len(events) > kept+31 || oldest > (kept+31)*day {
			t.Errorf("%d events are left, the oldest of %s ago", len(events), oldest)
		}
		if strings.HasSuffix(t.Name(), "sqlite") && len(events) != kept+1 { // that of the last instant too
			t.Errorf("%d events are left", len(events))
		}
		if log := f.Log.Take(); strings.Contains(log, "level=WARN") {
			t.Errorf("log: %s", log)
		}
	})
}

// TestAuditLogWarnings is about a database that does not let the server change the tables.
func TestAuditLogWarnings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare, sweep error
		want           []string
	}{
		"not the owner": {auth.ErrNotOwner, auth.ErrNotOwner, []string{"run usher migrate as the owner", "events are older than --audit-retention"}},
		"occupied":      {auth.ErrMonthOccupied, nil, []string{"events of a month are in the default partition"}},
		"neither":       {nil, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, f *fixture) {
				d := f.newParts(t, domain.Options{Store: refusing{f.Store, c.prepare, c.sweep}, AuditRetention: 24 * time.Hour})
				if err := d.Sweep(t.Context()); err != nil {
					t.Errorf("Sweep: %v", err)
				}
				log := f.Log.Take()
				if strings.Count(log, "level=WARN") != len(c.want) {
					t.Errorf("log: %s", log)
				}
				for _, want := range c.want {
					if !strings.Contains(log, want) {
						t.Errorf("the log lacks %q: %s", want, log)
					}
				}
				lost := errors.New("connection lost")
				if err := f.newParts(t, domain.Options{Store: refusing{f.Store, lost, nil}}).Sweep(t.Context()); !errors.Is(err, lost) {
					t.Errorf("Sweep: %v", err)
				}
			})
		})
	}
}

// refusing is a store whose tables belong to somebody else.
type refusing struct {
	auth.Store

	prepare, sweep error
}

func (r refusing) PrepareEvents(context.Context, time.Time) error { return r.prepare }

func (r refusing) SweepEvents(context.Context, time.Time, int) (int, error) { return 0, r.sweep }

// TestExportAuditLog exports what operations have recorded, in one piece, from each event on, and while it grows.
func TestExportAuditLog(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		f.admin(t, "root")
		ada := f.signup(t, "ada")
		for range 3 {
			f.Clock.Advance(time.Hour)
			if _, err := f.Login(t.Context(), signin.LoginInput{Identifier: "ada", Password: authtest.Password}); err != nil {
				t.Fatal(err)
			}
		}
		all := f.auditLog(t, operator.ExportOptions{})
		listed, err := f.Store.Events(t.Context(), auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 100}})
		if err != nil || len(listed) != len(all) || len(all) < 6 {
			t.Fatalf("%d events are exported, %d listed, %v", len(all), len(listed), err)
		}
		for n, id := range all {
			if rest := f.auditLog(t, operator.ExportOptions{After: &id}); fmt.Sprint(rest) != fmt.Sprint(all[n+1:]) {
				t.Errorf("after event %d: %v, want %v", n, rest, all[n+1:])
			}
		}
		if got := f.auditLog(t, operator.ExportOptions{UserID: &ada.User.ID, Kinds: []auth.AuditEventKind{auth.EventLogin}}); len(got) != 3 {
			t.Errorf("%d sign-ins are exported", len(got))
		}
		unknown := uuid.New()
		err = f.ExportEvents(t.Context(), operator.ExportOptions{After: &unknown}, func([]auth.AuditEvent) error { return nil })
		if !errors.Is(err, operator.ErrNoSuchEvent) {
			t.Errorf("after an unknown event: %v", err)
		}
		broken := errors.New("broken pipe")
		if err := f.ExportEvents(t.Context(), operator.ExportOptions{}, func([]auth.AuditEvent) error { return broken }); !errors.Is(err, broken) {
			t.Errorf("an export that cannot write: %v", err)
		}

		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		always, followed := make(chan time.Time), []uuid.UUID{}
		close(always)
		first := make(chan struct{})
		ended := make(chan error, 1)
		go func() {
			ended <- f.ExportEvents(ctx, operator.ExportOptions{Follow: always}, func(events []auth.AuditEvent) error {
				for i := range events {
					followed = append(followed, events[i].ID)
				}
				if len(followed) == len(all) {
					close(first)
				}
				if len(followed) == len(all)+2 {
					cancel()
				}
				return nil
			})
		}()
		<-first
		for range 2 { // a sign-up has an event of its own
			f.Clock.Advance(-2 * time.Hour) // a clock that is behind
			if _, err := f.Login(t.Context(), signin.LoginInput{Identifier: "root", Password: authtest.Password}); err != nil {
				t.Fatal(err)
			}
		}
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("follow: %v", err)
		}
		if now := f.auditLog(t, operator.ExportOptions{}); fmt.Sprint(followed) != fmt.Sprint(now) {
			t.Errorf("followed %v, want %v", followed, now)
		}
	})
}

// TestExportRewound follows the audit log of a server that is replaced by one that lacks its newest transactions.
func TestExportRewound(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, f *fixture) {
		always := make(chan time.Time)
		close(always)
		d := f.newParts(t, domain.Options{Store: &rewinding{Store: f.Store, settled: []int64{900, 901, 901, 890}}})
		err := d.ExportEvents(t.Context(), operator.ExportOptions{Follow: always}, func([]auth.AuditEvent) error { return nil })
		if !errors.Is(err, operator.ErrOtherServer) {
			t.Errorf("ExportEvents: %v", err)
		}
	})
}

// rewinding is a store with these numbers of transactions.
type rewinding struct {
	auth.Store

	settled []int64
}

func (r *rewinding) EventProgress(context.Context) (auth.EventProgress, error) {
	n := r.settled[0]
	r.settled = r.settled[1:]
	return auth.EventProgress{Settled: n, Next: n}, nil
}
