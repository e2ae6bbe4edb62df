package admin

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// AuditEventFilter selects events of the audit log. Nil fields match every event.
type AuditEventFilter struct {
	// UserID is the user that the event is about.
	UserID *uuid.UUID
	Kind   *auth.AuditEventKind
}

// AuditEvents lists a page of the audit log, the newest first. The ids of events are their positions.
func (s *Service) AuditEvents(ctx context.Context, filter *AuditEventFilter, page auth.Page[uuid.UUID]) ([]auth.AuditEvent, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	query := auth.AuditEventQuery{Page: page}
	if filter != nil {
		query.UserID = filter.UserID
		if filter.Kind != nil {
			query.Kind = *filter.Kind
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

// findUsers looks up the users of the events, all at once.
func (s *Service) findUsers(ctx context.Context, events []auth.AuditEvent) error {
	users := map[uuid.UUID]*auth.User{}
	for _, e := range events {
		for _, id := range []*uuid.UUID{e.ActorID, e.UserID} {
			if id != nil {
				users[*id] = nil
			}
		}
	}
	if len(users) == 0 {
		return nil
	}
	found, err := s.store.UsersByID(ctx, slices.Collect(maps.Keys(users)))
	if err != nil {
		return err
	}
	for i := range found {
		users[found[i].ID] = &found[i]
	}
	for i := range events {
		e := &events[i]
		if e.ActorID != nil {
			e.Actor = users[*e.ActorID]
		}
		if e.UserID != nil {
			e.User = users[*e.UserID]
		}
	}
	return nil
}
