package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// newEvent returns an event with a value in every field.
func newEvent(n int) *auth.AuditEvent {
	return &auth.AuditEvent{
		ID:        newID(3000 + n),
		At:        epoch.Add(time.Duration(n) * time.Microsecond),
		Kind:      auth.EventUserRolesChanged,
		ActorID:   new(newID(1)),
		Operator:  true,
		UserID:    new(newID(2)),
		SessionID: new(newID(3)),
		ClientID:  new(newID(4)),
		Roles:     []auth.Role{auth.RoleUser, auth.RoleAdmin},
		IPAddress: new("2001:db8::1"),
		UserAgent: new("Mozilla/5.0"),
		RequestID: new("r1"),
	}
}

func addEvent(t *testing.T, s auth.Store, e *auth.AuditEvent) {
	t.Helper()
	if err := s.AddEvent(t.Context(), e); err != nil {
		t.Fatalf("AddEvent: %v", err)
	}
}

func listEvents(t *testing.T, s auth.Store, q auth.AuditEventQuery) []auth.AuditEvent {
	t.Helper()
	events, err := s.Events(t.Context(), q)
	if err != nil {
		t.Fatalf("Events of %+v: %v", q, err)
	}
	return events
}

func eventColumns(t *testing.T, s auth.Store) {
	full := newEvent(3)
	filled := *full // The domain sets the remaining fields.
	filled.Actor, filled.User = &newAccount(1).User, &newAccount(2).User
	complete(t, "event", filled)
	empty := &auth.AuditEvent{ID: newID(3002), At: epoch, Kind: auth.EventLogout}
	none := newEvent(1)
	none.Roles = []auth.Role{}
	for _, e := range []*auth.AuditEvent{empty, full, none} {
		addEvent(t, s, e)
	}
	if err := s.AddEvent(t.Context(), full); err == nil {
		t.Error("two events have the same ID")
	}
	equal(t, "events", listEvents(t, s, auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 10}}), []auth.AuditEvent{*full, *empty, *none})
	for _, e := range []*auth.AuditEvent{empty, full, none} {
		equal(t, "event by ID", listEvents(t, s, auth.AuditEventQuery{ID: &e.ID, Page: auth.Page[uuid.UUID]{Limit: 2}}), []auth.AuditEvent{*e})
	}
	equal(t, "event by an unknown ID", listEvents(t, s, auth.AuditEventQuery{ID: new(newID(9)), Page: auth.Page[uuid.UUID]{Limit: 2}}), nil)
}

func eventRefused(t *testing.T, s auth.Store) {
	for name, spoil := range map[string]func(e *auth.AuditEvent){
		"no kind":           func(e *auth.AuditEvent) { e.Kind = "" },
		"an unknown role":   func(e *auth.AuditEvent) { e.Roles = []auth.Role{"owner"} },
		"a long address":    func(e *auth.AuditEvent) { e.IPAddress = new(strings.Repeat("a", 1000)) },
		"a long user agent": func(e *auth.AuditEvent) { e.UserAgent = new(strings.Repeat("a", 2000)) },
		"a long request id": func(e *auth.AuditEvent) { e.RequestID = new(strings.Repeat("a", 1000)) },
	} {
		e := newEvent(1)
		spoil(e)
		if err := s.AddEvent(t.Context(), e); err == nil {
			t.Errorf("an event with %s was added", name)
		}
	}
	equal(t, "events", listEvents(t, s, auth.AuditEventQuery{Page: auth.Page[uuid.UUID]{Limit: 10}}), nil)
}

func eventPages(t *testing.T, s auth.Store) {
	const total = 24
	var newestFirst []auth.AuditEvent
	for n := range total {
		e := newEvent(n)
		e.Kind = []auth.AuditEventKind{auth.EventLogin, auth.EventLogout, auth.EventLoginFailed}[n%3]
		if e.UserID = new(newID(n % 4)); n%4 == 3 {
			e.UserID = nil
		}
		newestFirst = append([]auth.AuditEvent{*e}, newestFirst...)
	}
	for _, n := range []int{1, 0} { // not in the order of their IDs
		for ; n < total; n += 2 {
			addEvent(t, s, &newestFirst[n])
		}
	}
	for _, kind := range []auth.AuditEventKind{"", auth.EventLogout, auth.EventSignup} {
		for _, userID := range []*uuid.UUID{nil, new(newID(1)), new(newID(9))} {
			var want []auth.AuditEvent
			for _, e := range newestFirst {
				if (kind == "" || e.Kind == kind) && (userID == nil || e.UserID != nil && *e.UserID == *userID) {
					want = append(want, e)
				}
			}
			for limit := 1; limit <= total+1; limit++ {
				q := auth.AuditEventQuery{UserID: userID, Kind: kind, Page: auth.Page[uuid.UUID]{Limit: limit}}
				var got []auth.AuditEvent
				for {
					page := listEvents(t, s, q)
					got = append(got, page...)
					if len(page) < limit {
						break
					}
					q.After = &page[limit-1].ID
				}
				equal(t, "events of "+string(kind), got, want)
			}
			checkPages(t, want, func(e auth.AuditEvent) uuid.UUID { return e.ID }, func(page auth.Page[uuid.UUID]) []auth.AuditEvent {
				return listEvents(t, s, auth.AuditEventQuery{UserID: userID, Kind: kind, Page: page})
			})
		}
	}
}
