package auth

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// AuditEventFilter says which lines of the audit log to list. What is nil lets every line through.
type AuditEventFilter struct {
	// UserID is whom it happened to.
	UserID *uuid.UUID
	Kind   *AuditEventKind
}

// AuditEventConnection is a page of the audit log.
type AuditEventConnection struct {
	Edges    []AuditEventEdge
	PageInfo PageInfo
}

// AuditEventEdge is a line of the audit log in a page.
type AuditEventEdge struct {
	Cursor string
	Node   *AuditEvent
}

// AuditEvents lists the audit log, the newest line first: up to first lines, after a cursor of an
// earlier page when it is not nil. It is for administrators.
func (s *Service) AuditEvents(ctx context.Context, first int, after *string, filter *AuditEventFilter) (*AuditEventConnection, error) {
	if _, err := s.administrator(ctx); err != nil {
		return nil, err
	}
	var query AuditEventQuery
	if filter != nil {
		query.UserID = filter.UserID
		if filter.Kind != nil {
			query.Kind = *filter.Kind
		}
	}
	events := list[AuditEvent, uuid.UUID]{
		scope: "audit events",
		read: func(before *uuid.UUID, limit int) ([]AuditEvent, error) {
			query.Before, query.Limit = before, limit
			return s.store.Events(ctx, query)
		},
		place: placeOfEvent,
		parse: uuid.FromBytes,
	}
	edges, info, err := page(s, events, first, after, func(cursor string, e *AuditEvent) AuditEventEdge {
		return AuditEventEdge{Cursor: cursor, Node: e}
	})
	if err != nil {
		return nil, err
	}
	if err := s.findPeople(ctx, edges); err != nil {
		return nil, err
	}
	return &AuditEventConnection{Edges: edges, PageInfo: info}, nil
}

func placeOfEvent(e *AuditEvent) []byte { return e.ID[:] }

// findPeople looks up who the events of a page are about, all at once.
func (s *Service) findPeople(ctx context.Context, edges []AuditEventEdge) error {
	people := map[uuid.UUID]*User{}
	for _, e := range edges {
		for _, id := range []*uuid.UUID{e.Node.ActorID, e.Node.UserID} {
			if id != nil {
				people[*id] = nil
			}
		}
	}
	if len(people) == 0 {
		return nil
	}
	users, err := s.store.UsersByID(ctx, slices.Collect(maps.Keys(people)))
	if err != nil {
		return err
	}
	for i := range users {
		people[users[i].ID] = &users[i]
	}
	for _, e := range edges {
		if e.Node.ActorID != nil {
			e.Node.Actor = people[*e.Node.ActorID]
		}
		if e.Node.UserID != nil {
			e.Node.User = people[*e.Node.UserID]
		}
	}
	return nil
}
