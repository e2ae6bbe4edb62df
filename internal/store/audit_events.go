package store

import (
	"context"

	"usher/internal/auth"
)

var eventColumns = columns{"id", "at", "kind", "user_id", "session_id", "ip_address", "request_id"}

func eventFields(e *auth.Event) []any {
	return []any{&e.ID, (*timestamp)(&e.At), &e.Kind, nullID{&e.UserID}, nullID{&e.SessionID}, &e.IPAddress, &e.RequestID}
}

var insertEvent = eventColumns.insert("audit_events")

// AddEvent implements auth.Store.
func (s *Store) AddEvent(ctx context.Context, e *auth.Event) error {
	_, err := s.exec(ctx, "add audit event", insertEvent, eventFields(e)...)
	return err
}
