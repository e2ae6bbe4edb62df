package store

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

var eventColumns = columns{
	"id", "at", "kind", "actor_id", "operator", "user_id", "session_id", "client_id", "roles", "permissions", "identifier", "ip_address", "user_agent", "request_id",
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
		nullPermissions{&e.Permissions},
		&e.Identifier, &e.IPAddress, &e.UserAgent, &e.RequestID,
	}
}

var insertEvent = eventColumns.insert("audit_events")

// AddEvent implements auth.Store.
func (s *Store) AddEvent(ctx context.Context, e *auth.AuditEvent) error {
	_, err := s.exec(ctx, "add audit event", insertEvent, eventFields(e)...)
	return err
}

// Events implements auth.Store. A single event comes from the primary: it may be one that has just been added.
func (s *Store) Events(ctx context.Context, q auth.AuditEventQuery) (events []auth.AuditEvent, err error) {
	query, args := listEvents(q)
	read := func(ctx context.Context, from target) error {
		events, err = list(ctx, from, "list audit events", eventFields, query, args...)
		return err
	}
	if q.ID != nil {
		err = read(ctx, s.read)
	} else {
		err = s.fromStandby(ctx, read)
	}
	inListOrder(events, q.Page)
	return events, err
}

// newestEventFirst orders events by time: their IDs are UUIDs of version 7 (RFC 9562, section 5.7).
var newestEventFirst = order{columns: []string{"id"}, descending: true}

// idLeeway is how far the time in an event's ID can be from the time of the event.
const idLeeway = time.Minute

// listEvents returns the query for a page. IDs are UUIDs of version 7 (RFC 9562, section 5.7), so they sort by time,
// and each index that has one serves pages and ranges of time.
func listEvents(q auth.AuditEventQuery) (query string, args []any) {
	var conditions []fragment
	condition := func(text string, args ...any) { conditions = append(conditions, fragment{text, args}) }
	if q.ID != nil {
		condition(`id = $`, *q.ID)
	}
	if q.UserID != nil {
		condition(`user_id = $`, *q.UserID)
	}
	if q.ActorID != nil {
		condition(`actor_id = $`, *q.ActorID)
	}
	conditions = append(conditions, during(q.From, q.To)...)
	conditions = append(conditions, between(newestEventFirst, q.Page, func(id *uuid.UUID) []any { return []any{*id} })...)
	page := func(conditions []fragment) fragment {
		matching := where(conditions)
		return fragment{
			`SELECT ` + eventColumns.of("audit_events") + ` FROM audit_events` + matching.text + orderBy(newestEventFirst, q.Page),
			append(matching.args, q.Limit),
		}
	}
	var pages []fragment // one of each kind: the databases have no index for the events of several kinds
	for _, kind := range q.Kinds {
		one := page(append(slices.Clip(conditions), fragment{`kind = $`, []any{kind}}))
		one.text = `SELECT ` + eventColumns.of("page") + ` FROM (` + one.text + `) AS page`
		pages = append(pages, one)
	}
	found := page(conditions)
	switch len(pages) {
	case 0:
	case 1:
		found = page(append(conditions, fragment{`kind = $`, []any{q.Kinds[0]}}))
	default:
		found = join(pages, ` UNION ALL `)
		found.text += orderBy(newestEventFirst, q.Page)
		found.args = append(found.args, q.Limit)
	}
	return numbered(found.text), found.args
}

// during returns the conditions for events from one time to another.
func during(from, to *time.Time) (conditions []fragment) {
	if from != nil {
		conditions = append(conditions, fragment{`id >= $ AND at >= $`, []any{auth.FirstID(from.Add(-idLeeway)), timestamp(*from)}})
	}
	if to != nil {
		conditions = append(conditions, fragment{`id < $ AND at < $`, []any{auth.FirstID(to.Add(idLeeway)), timestamp(*to)}})
	}
	return conditions
}

// CountEvents implements auth.Store. One statement counts all spans, each in the index on kind and ID.
func (s *Store) CountEvents(ctx context.Context, kind auth.AuditEventKind, times []time.Time) ([]int, error) {
	query, args := countEvents(kind, times)
	counts := make([]int, len(times)-1)
	fields := make([]any, len(counts))
	for i := range fields {
		fields[i] = &counts[i]
	}
	return counts, s.fromStandby(ctx, func(ctx context.Context, from target) error {
		return from.row(ctx, "count audit events", fields, query, args...)
	})
}

func countEvents(kind auth.AuditEventKind, times []time.Time) (query string, args []any) {
	args = []any{kind, auth.FirstID(times[0])}
	counts := make([]string, len(times)-1)
	for i := range counts {
		counts[i] = fmt.Sprintf(`(SELECT count(*) FROM audit_events WHERE kind = $1 AND id >= $%d AND id < $%d)`, i+2, i+3)
		args = append(args, auth.FirstID(times[i+1]))
	}
	return `SELECT ` + strings.Join(counts, ", "), args
}

// nullRoles points to roles. Nil stands for NULL. A value without a role scans as an empty slice and not as nil, because
// roles were recorded.
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

// nullPermissions points to permissions, which are stored separated by spaces. Nil stands for NULL.
type nullPermissions struct{ of *[]auth.Permission }

// Value implements driver.Valuer.
func (n nullPermissions) Value() (driver.Value, error) {
	if *n.of == nil {
		return nil, nil //nolint:nilnil // NULL
	}
	return words(*n.of), nil
}

// Scan implements sql.Scanner.
func (n nullPermissions) Scan(src any) error {
	*n.of = nil
	if src == nil {
		return nil
	}
	text, ok := src.(string)
	if !ok {
		return fmt.Errorf("cannot read permissions from %T", src)
	}
	*n.of = []auth.Permission{}
	for name := range strings.FieldsSeq(text) {
		*n.of = append(*n.of, auth.Permission(name))
	}
	return nil
}
