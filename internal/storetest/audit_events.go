package storetest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"slices"
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

		Permissions: []auth.Permission{"a", "orders_2:read-all"},
		Identifier:  new("ada@example.com"),
		IPAddress:   new("2001:db8::1"),
		UserAgent:   new("Mozilla/5.0"),
		RequestID:   new("r1"),
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
	none.Roles, none.Permissions = []auth.Role{}, []auth.Permission{}
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
		"a wrong role":      func(e *auth.AuditEvent) { e.Roles = []auth.Role{"owner"} },
		"a long address":    func(e *auth.AuditEvent) { e.IPAddress = new(strings.Repeat("a", 1000)) },
		"a long identifier": func(e *auth.AuditEvent) { e.Identifier = new(strings.Repeat("a", 1000)) },
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
		if e.ActorID = new(newID(n % 5)); n%5 == 4 {
			e.ActorID = nil
		}
		newestFirst = append([]auth.AuditEvent{*e}, newestFirst...)
	}
	for _, n := range []int{1, 0} { // not in the order of their IDs
		for ; n < total; n += 2 {
			addEvent(t, s, &newestFirst[n])
		}
	}
	is := func(id, want *uuid.UUID) bool { return want == nil || id != nil && *id == *want }
	for _, kinds := range [][]auth.AuditEventKind{
		nil,
		{auth.EventLogout},
		{auth.EventSignup},
		{auth.EventLogout, auth.EventLoginFailed},
		{auth.EventSignup, auth.EventLogin, auth.EventLogout},
	} {
		for _, userID := range []*uuid.UUID{nil, new(newID(1)), new(newID(9))} {
			for _, actorID := range []*uuid.UUID{nil, new(newID(2)), new(newID(9))} {
				var want []auth.AuditEvent
				for _, e := range newestFirst {
					if (kinds == nil || slices.Contains(kinds, e.Kind)) && is(e.UserID, userID) && is(e.ActorID, actorID) {
						want = append(want, e)
					}
				}
				checkEvents(t, s, auth.AuditEventQuery{UserID: userID, ActorID: actorID, Kinds: kinds}, want)
			}
		}
	}
}

// checkEvents fails the test unless a query has these events, in pages of any size.
func checkEvents(t *testing.T, s auth.Store, q auth.AuditEventQuery, want []auth.AuditEvent) {
	t.Helper()
	checkPages(t, want, func(e auth.AuditEvent) uuid.UUID { return e.ID }, func(page auth.Page[uuid.UUID]) []auth.AuditEvent {
		q.Page = page
		return listEvents(t, s, q)
	})
}

// newEventAt returns an event of a time. n is how many events of its transaction come before it.
func newEventAt(t *testing.T, at time.Time, n int) *auth.AuditEvent {
	t.Helper()
	e := newEvent(n)
	var err error
	if e.ID, err = auth.NewID(at.Add(time.Duration(n)*time.Microsecond), rand.Reader); err != nil {
		t.Fatal(err)
	}
	e.At = at
	return e
}

func eventTimes(t *testing.T, s auth.Store) {
	times := []time.Time{
		epoch.Add(-72 * time.Hour), epoch.Add(-time.Microsecond), epoch, epoch.Add(time.Microsecond), epoch.Add(time.Second), epoch.Add(72 * time.Hour),
	}
	var newestFirst []auth.AuditEvent
	for i, at := range times {
		for n := range 3 {
			e := newEventAt(t, at, n)
			e.Kind = []auth.AuditEventKind{auth.EventLogin, auth.EventLogout}[i%2]
			addEvent(t, s, e)
			newestFirst = append(newestFirst, *e)
		}
	}
	// The IDs of a transaction's events run ahead of its time, and may be above those of the next one.
	slices.SortFunc(newestFirst, func(a, b auth.AuditEvent) int { return bytes.Compare(b.ID[:], a.ID[:]) })
	bounds := []*time.Time{nil, new(time.Time{}), new(time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC))}
	for _, at := range times {
		bounds = append(bounds, new(at.In(time.FixedZone("", 5*3600))))
	}
	for _, from := range bounds {
		for _, to := range bounds {
			for _, kinds := range [][]auth.AuditEventKind{nil, {auth.EventLogin}, {auth.EventLogin, auth.EventLogout}} {
				var want []auth.AuditEvent
				for _, e := range newestFirst {
					if (from == nil || !e.At.Before(*from)) && (to == nil || e.At.Before(*to)) && (kinds == nil || slices.Contains(kinds, e.Kind)) {
						want = append(want, e)
					}
				}
				got := listEvents(t, s, auth.AuditEventQuery{From: from, To: to, Kinds: kinds, Page: auth.Page[uuid.UUID]{Limit: 100}})
				equal(t, fmt.Sprintf("events of %v from %v to %v", kinds, from, to), got, want)
			}
		}
	}
}

func countEvents(t *testing.T, s auth.Store) {
	day := epoch.Truncate(24 * time.Hour)
	for hours, kind := range map[int]auth.AuditEventKind{
		-1: auth.EventLogin, 0: auth.EventLogin, 1: auth.EventLogin, 2: auth.EventLogout, 23: auth.EventLogin, 24: auth.EventLogin, 72: auth.EventLogin, 96: auth.EventLogin,
	} {
		addEvent(t, s, newEventAt(t, day.Add(time.Duration(hours)*time.Hour), 0))
		e := newEventAt(t, day.Add(time.Duration(hours)*time.Hour), 1)
		e.Kind = kind
		addEvent(t, s, e)
	}
	var days []time.Time
	for n := range 91 {
		days = append(days, day.AddDate(0, 0, n))
	}
	for kind, want := range map[auth.AuditEventKind][]int{
		auth.EventLogin: {3, 1, 0, 1, 1}, auth.EventLogout: {1, 0, 0, 0, 0}, auth.EventUserRolesChanged: {4, 1, 0, 1, 1}, auth.EventSignup: {0, 0, 0, 0, 0},
	} {
		for _, n := range []int{1, 2, 5, 90} {
			got, err := s.CountEvents(t.Context(), kind, days[:n+1])
			if err != nil {
				t.Fatal(err)
			}
			equal(t, fmt.Sprintf("%s on %d days", kind, n), got, append(slices.Clone(want), make([]int, 90)...)[:n])
		}
	}
}
