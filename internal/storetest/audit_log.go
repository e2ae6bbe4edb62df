package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// settle waits until all transactions that have begun are over. Those of other tests on the same server count too.
func settle(t *testing.T, s auth.Store) {
	t.Helper()
	begin, err := s.EventProgress(t.Context())
	for progress := begin; err == nil && progress.Settled < begin.Next; {
		progress, err = s.EventProgress(t.Context())
	}
	if err != nil {
		t.Fatalf("EventProgress: %v", err)
	}
}

// exportAll reads the audit log in pages of 2 events.
func exportAll(t *testing.T, s auth.Store, q auth.AuditExport) (events []auth.AuditEvent, last *auth.AuditPosition) {
	t.Helper()
	settle(t, s)
	for q.Limit = 2; ; {
		page, position, err := s.ExportEvents(t.Context(), q)
		if err != nil {
			t.Fatalf("ExportEvents of %+v: %v", q, err)
		}
		if len(page) == 0 {
			return events, position
		}
		events, q.After = append(events, page...), position
	}
}

// eventExport adds events whose ids are not in the order of their transactions.
func eventExport(t *testing.T, s auth.Store) {
	var order []auth.AuditEvent
	for i, hours := range []int{0, 5, -3, 1000, 2, -9000, 4} {
		e := newEventAt(t, epoch.Add(time.Duration(hours)*time.Hour), i)
		e.Kind = []auth.AuditEventKind{auth.EventLogin, auth.EventLogout, auth.EventLoginFailed}[i%3]
		if i%2 == 0 {
			e.UserID = nil
		}
		addEvent(t, s, e)
		order = append(order, *e)
	}
	all, last := exportAll(t, s, auth.AuditExport{})
	equal(t, "export", all, order)
	for n := range order {
		position, err := s.EventPosition(t.Context(), order[n].ID)
		if err != nil {
			t.Fatalf("EventPosition: %v", err)
		}
		rest, _ := exportAll(t, s, auth.AuditExport{After: position})
		equal(t, "rest of an export", append(order[:n+1:n+1], rest...), order)
	}
	if _, err := s.EventPosition(t.Context(), newID(9)); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("EventPosition of no event: %v", err)
	}
	filtered := func(name string, q auth.AuditExport, matches func(e *auth.AuditEvent) bool) {
		t.Helper()
		var want []auth.AuditEvent
		for i := range order {
			if matches(&order[i]) {
				want = append(want, order[i])
			}
		}
		got, _ := exportAll(t, s, q)
		equal(t, "export by "+name, got, want)
	}
	user, at := newID(2), epoch.Add(2*time.Hour)
	filtered("kind", auth.AuditExport{Kinds: []auth.AuditEventKind{auth.EventLogin}}, func(e *auth.AuditEvent) bool { return e.Kind == auth.EventLogin })
	filtered("kinds", auth.AuditExport{Kinds: []auth.AuditEventKind{auth.EventLogin, auth.EventLogout}},
		func(e *auth.AuditEvent) bool { return e.Kind != auth.EventLoginFailed })
	filtered("user", auth.AuditExport{UserID: &user}, func(e *auth.AuditEvent) bool { return e.UserID != nil })
	filtered("time", auth.AuditExport{From: &at}, func(e *auth.AuditEvent) bool { return !e.At.Before(at) })
	filtered("end", auth.AuditExport{To: &at}, func(e *auth.AuditEvent) bool { return e.At.Before(at) })
	filtered("all", auth.AuditExport{Kinds: []auth.AuditEventKind{auth.EventLogin}, UserID: &user, From: &at, To: new(at.Add(time.Hour))},
		func(*auth.AuditEvent) bool { return false })

	// What is added later comes after the last position, whatever its id.
	later := newEventAt(t, epoch.Add(-10000*time.Hour), 9)
	addEvent(t, s, later)
	rest, _ := exportAll(t, s, auth.AuditExport{After: last})
	equal(t, "later events", rest, []auth.AuditEvent{*later})
	progress, err := s.EventProgress(t.Context())
	if err != nil || progress.Settled > progress.Next {
		t.Errorf("EventProgress: %+v, %v", progress, err)
	}
}

// eventSweep deletes old events. Which of them are in one month, only the database knows, so it looks at what must stay and
// at what must go in the end.
func eventSweep(t *testing.T, s auth.Store) {
	var events []auth.AuditEvent
	var ids []uuid.UUID
	for i := range 9 {
		e := newEventAt(t, epoch.Add(time.Duration(i)*time.Hour), 0)
		addEvent(t, s, e)
		events, ids = append(events, *e), append(ids, e.ID)
	}
	for range 2 {
		if err := s.PrepareEvents(t.Context(), epoch); err != nil && !errors.Is(err, auth.ErrMonthOccupied) {
			t.Fatalf("PrepareEvents: %v", err)
		}
	}
	sweep := func(before time.Time) {
		t.Helper()
		for {
			n, err := s.SweepEvents(t.Context(), before, 2)
			if err != nil {
				t.Fatalf("SweepEvents: %v", err)
			}
			if n < 2 {
				return
			}
		}
	}
	sweep(epoch)
	equal(t, "events after a sweep of none", exported(t, s), events)
	sweep(epoch.Add(5 * time.Hour))
	equal(t, "events after a sweep", exported(t, s), events[5:])
	if _, err := s.EventPosition(t.Context(), ids[0]); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("EventPosition of a deleted event: %v", err)
	}
	// The last event may stay, for the order of an export.
	_, last := exportAll(t, s, auth.AuditExport{})
	sweep(epoch.Add(100 * time.Hour))
	if left := exported(t, s); len(left) > 1 {
		t.Errorf("%d events are left", len(left))
	}
	next := newEventAt(t, epoch.Add(200*time.Hour), 0)
	addEvent(t, s, next)
	rest, _ := exportAll(t, s, auth.AuditExport{After: last})
	equal(t, "events after the position of a deleted one", rest, []auth.AuditEvent{*next})
}

func exported(t *testing.T, s auth.Store) []auth.AuditEvent {
	t.Helper()
	events, _ := exportAll(t, s, auth.AuditExport{})
	return events
}
