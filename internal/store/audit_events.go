package store

import (
	"context"
	"database/sql/driver"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var eventColumns = columns{
	"id", "at", "kind", "actor_id", "operator", "user_id", "session_id", "client_id", "roles", "ip_address", "user_agent", "request_id",
}

func eventFields(e *auth.AuditEvent) []any {
	return []any{
		&e.ID, (*timestamp)(&e.At), &e.Kind,
		nullID{&e.ActorID},
		&e.Operator,
		nullID{&e.UserID},
		nullID{&e.SessionID},
		nullID{&e.ClientID},
		nullRoles{&e.Roles},
		&e.IPAddress, &e.UserAgent, &e.RequestID,
	}
}

var insertEvent = eventColumns.insert("audit_events")

// AddEvent implements auth.Store.
func (s *Store) AddEvent(ctx context.Context, e *auth.AuditEvent) error {
	_, err := s.exec(ctx, "add audit event", insertEvent, eventFields(e)...)
	return err
}

// Events implements auth.Store.
func (s *Store) Events(ctx context.Context, q auth.AuditEventQuery) ([]auth.AuditEvent, error) {
	query, args := listEvents(q)
	events, err := list(ctx, s.read, "list audit events", eventFields, query, args...)
	inListOrder(events, q.Page)
	return events, err
}

// newestEventFirst orders events by time: their IDs are UUIDs of version 7 (RFC 9562, section 5.7).
var newestEventFirst = order{columns: []string{"id"}, descending: true}

func listEvents(q auth.AuditEventQuery) (query string, args []any) {
	var conditions []fragment
	if q.ID != nil {
		conditions = append(conditions, fragment{`id = $`, []any{*q.ID}})
	}
	if q.UserID != nil {
		conditions = append(conditions, fragment{`user_id = $`, []any{*q.UserID}})
	}
	if q.Kind != "" {
		conditions = append(conditions, fragment{`kind = $`, []any{q.Kind}})
	}
	conditions = append(conditions, between(newestEventFirst, q.Page, func(id *uuid.UUID) []any { return []any{*id} })...)
	found := where(conditions)
	query = `SELECT ` + eventColumns.of("audit_events") + ` FROM audit_events` + found.text + orderBy(newestEventFirst, q.Page)
	return numbered(query), append(found.args, q.Limit)
}

// nullRoles points to roles. Nil stands for NULL. A value with only unknown roles scans as an empty slice
// and not as nil, because roles were recorded.
type nullRoles struct{ of *[]auth.Role }

// Value implements driver.Valuer.
func (n nullRoles) Value() (driver.Value, error) {
	if *n.of == nil {
		return nil, nil //nolint:nilnil // NULL
	}
	return roles(*n.of).Value()
}

// Scan implements sql.Scanner.
func (n nullRoles) Scan(src any) error {
	if src == nil {
		*n.of = nil
		return nil
	}
	err := (*roles)(n.of).Scan(src)
	if *n.of == nil {
		*n.of = []auth.Role{}
	}
	return err
}
