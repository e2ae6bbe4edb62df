package admin

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// AuditEventFilter selects events of the audit log. Nil fields match every event.
type AuditEventFilter struct {
	// UserID is the user that the event is about, and ActorID the user that caused it.
	UserID  *uuid.UUID
	ActorID *uuid.UUID
	Kind    *auth.AuditEventKind
	// Kinds match events of any of them. An empty list that is not nil matches none.
	Kinds []auth.AuditEventKind
	// From is the earliest time that matches, and To the first one after it that does not.
	From, To *time.Time
}

// AuditEvents lists a page of the audit log, the newest first. The ids of events are their positions.
func (s *Service) AuditEvents(ctx context.Context, filter *AuditEventFilter, page auth.Page[uuid.UUID]) ([]auth.AuditEvent, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	query := auth.AuditEventQuery{Page: page}
	if filter != nil {
		query.UserID, query.ActorID, query.From, query.To = filter.UserID, filter.ActorID, filter.From, filter.To
		query.Kinds = filter.kinds()
		if query.Kinds != nil && len(query.Kinds) == 0 {
			return nil, nil
		}
	}
	events, err := s.store.Events(ctx, query)
	if err != nil {
		return nil, err
	}
	return events, s.findUsers(ctx, events)
}

// AuditEvent returns an event of the audit log, nil when no event has the id.
func (s *Service) AuditEvent(ctx context.Context, id uuid.UUID) (*auth.AuditEvent, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	events, err := s.store.Events(ctx, auth.AuditEventQuery{ID: &id, Page: auth.Page[uuid.UUID]{Limit: 1}})
	if err != nil || len(events) == 0 {
		return nil, err
	}
	return &events[0], s.findUsers(ctx, events)
}

// kinds returns the kinds that match, each once and in the order of auth.AuditEventKinds; nil for all of them.
func (f *AuditEventFilter) kinds() []auth.AuditEventKind {
	kinds := []auth.AuditEventKind{}
	for _, k := range auth.AuditEventKinds {
		if (f.Kind == nil || k == *f.Kind) && (f.Kinds == nil || slices.Contains(f.Kinds, k)) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == len(auth.AuditEventKinds) {
		return nil // also kinds that a later release has added
	}
	return kinds
}

// findUsers looks up the users of the events, all at once.
func (s *Service) findUsers(ctx context.Context, events []auth.AuditEvent) error {
	users := references{}
	for i := range events {
		users.add(events[i].ActorID, &events[i].Actor)
		users.add(events[i].UserID, &events[i].User)
	}
	return users.resolve(ctx, s.store)
}
