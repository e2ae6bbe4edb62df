package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"

	"usher/internal/auth"
)

// monthsAhead is how many partitions of coming months there are on PostgreSQL. A role that owns the tables has so many
// months to run, if the server's role does not own them.
const monthsAhead = 3

// PrepareEvents implements auth.AuditLogStore. A month that another transaction keeps it from making is left to the next
// call.
func (s *Store) PrepareEvents(ctx context.Context, now time.Time) error {
	if s.dialect == goose.DialectSQLite3 {
		return nil
	}
	var occupied error
	first := time.Date(now.UTC().Year(), now.UTC().Month(), 1, 0, 0, 0, 0, time.UTC)
	for n := range 1 + monthsAhead {
		month, result := first.AddDate(0, n, 0), ""
		err := s.row(ctx, "add month of audit events", []any{&result}, `SELECT audit_events_add_month($1)`, timestamp(month))
		switch {
		case err != nil:
			return ownership(err)
		case result == "BUSY": // the later months come after this one
			return occupied
		case result == "OCCUPIED":
			occupied = fmt.Errorf("%w: %s", auth.ErrMonthOccupied, month.Format("2006-01"))
		}
	}
	return occupied
}

// ownership returns ErrNotOwner if PostgreSQL has refused a statement to a role.
func ownership(err error) error {
	if refused := new(pgconn.PgError); errors.As(err, &refused) && refused.Code == insufficientPrivilege {
		return fmt.Errorf("%w: %w", auth.ErrNotOwner, err)
	}
	return err
}

// These delete events on SQLite, in one transaction. The trigger audit_events_no_delete lets only this one delete. The last
// event stays: without it, SQLite would use rowids again, which are the order of an export.
const (
	allowSweep  = `INSERT INTO audit_retention (first_id) VALUES ($1)`
	sweepEvents = `DELETE FROM audit_events WHERE id IN (
		SELECT id FROM audit_events WHERE id < $1 AND rowid < (SELECT max(rowid) FROM audit_events) ORDER BY id LIMIT $2)`
	endSweep = `DELETE FROM audit_retention`
)

// SweepEvents implements auth.AuditLogStore. On PostgreSQL it drops the partition of a month.
func (s *Store) SweepEvents(ctx context.Context, before time.Time, limit int) (n int, err error) {
	if s.dialect != goose.DialectSQLite3 {
		return s.dropMonth(ctx, before, limit)
	}
	first := auth.FirstID(before)
	err = s.together(ctx, func(tx *Store) error {
		if _, err := tx.exec(ctx, "allow sweep of audit events", allowSweep, first); err != nil {
			return err
		}
		deleted, err := tx.exec(ctx, "sweep audit events", sweepEvents, first, limit)
		if err != nil {
			return err
		}
		n = int(deleted)
		_, err = tx.exec(ctx, "end sweep of audit events", endSweep)
		return err
	})
	return n, err
}

// dropMonth drops one partition, or else deletes events from the default partition.
func (s *Store) dropMonth(ctx context.Context, before time.Time, limit int) (int, error) {
	var dropped *string
	err := s.row(ctx, "drop month of audit events", []any{&dropped}, `SELECT audit_events_drop_month($1)`, timestamp(before))
	if err != nil {
		return 0, ownership(err)
	}
	if dropped != nil {
		s.observer.Log().InfoContext(ctx, "dropped the audit events of a month", "partition", *dropped)
		return limit, nil
	}
	n := 0
	err = s.row(ctx, "sweep audit events", []any{&n}, `SELECT audit_events_sweep_default($1, $2)`, timestamp(before), limit)
	return n, ownership(err)
}

// exportOrder is the order of transactions. SQLite has one writer at a time, and a row gets a higher rowid than all others.
// Rowids can change when the file is compacted, but their order does not.
var exportOrder = map[goose.Dialect]order{
	goose.DialectSQLite3:  {columns: []string{"rowid"}},
	goose.DialectPostgres: {columns: []string{"txid", "id"}},
}

// exportAfter are the conditions for what comes after a position in exportOrder, with its id and its number.
var exportAfter = map[goose.Dialect]func(p *auth.AuditPosition) fragment{
	goose.DialectSQLite3: func(p *auth.AuditPosition) fragment {
		return fragment{`rowid > coalesce((SELECT rowid FROM audit_events WHERE id = $), $)`, []any{p.ID, p.Number}}
	},
	goose.DialectPostgres: func(p *auth.AuditPosition) fragment {
		return fragment{`(txid, id) > ($, $)`, []any{p.Number, p.ID}}
	},
}

// EventPosition implements auth.AuditLogStore.
func (s *Store) EventPosition(ctx context.Context, id uuid.UUID) (*auth.AuditPosition, error) {
	p := &auth.AuditPosition{ID: id}
	column := exportOrder[s.dialect].columns[0]
	err := s.row(ctx, "find audit event", []any{&p.Number}, `SELECT `+column+` FROM audit_events WHERE id = $1`, id)
	if err != nil {
		return nil, err
	}
	return p, nil
}

// placedEvent is an event with its number in exportOrder.
type placedEvent struct {
	auth.AuditEvent

	number int64
}

// ExportEvents implements auth.AuditLogStore.
func (s *Store) ExportEvents(ctx context.Context, q auth.AuditExport) (events []auth.AuditEvent, p *auth.AuditPosition, err error) {
	if s.dialect == goose.DialectSQLite3 {
		return s.exportPage(ctx, q)
	}
	err = s.together(ctx, func(tx *Store) error {
		var settled int64
		var ignored string
		err := tx.row(ctx, "prepare export of audit events", []any{&ignored, &settled}, prepareExport, sorting(q))
		if err != nil {
			return err
		}
		events, p, err = tx.exportPage(ctx, q)
		// Everything before settled was read, so that the next page need not look through it again for the filters.
		if err == nil && len(events) < q.Limit && (p == nil || p.Number < settled) {
			p = &auth.AuditPosition{ID: uuid.Max, Number: settled - 1}
		}
		return err
	})
	if err != nil {
		return nil, q.After, err
	}
	return events, p, nil
}

// prepareExport sets up a transaction for a page, and reads the first transaction that may not be over. PostgreSQL
// estimates a comparison of rows by the first column. Of a log from before migration 00015, where all numbers are 0, it
// expects one event after any position, and would read and sort all of them for each page.
const prepareExport = `SELECT set_config('enable_sort', $1, true), txid_snapshot_xmin(txid_current_snapshot())`

// sorting is enable_sort for an export. The events of one user are few enough to be sorted.
func sorting(q auth.AuditExport) string {
	if q.UserID != nil {
		return "on"
	}
	return "off"
}

func (s *Store) exportPage(ctx context.Context, q auth.AuditExport) ([]auth.AuditEvent, *auth.AuditPosition, error) {
	query, args := exportEvents(s.dialect, q)
	placed, err := list(ctx, s.read, "export audit events", func(e *placedEvent) []any {
		return append(eventFields(&e.AuditEvent), &e.number)
	}, query, args...)
	if err != nil || len(placed) == 0 {
		return nil, q.After, err
	}
	events := make([]auth.AuditEvent, len(placed))
	for i := range placed {
		events[i] = placed[i].AuditEvent
	}
	last := &placed[len(placed)-1]
	return events, &auth.AuditPosition{ID: last.ID, Number: last.number}, nil
}

func exportEvents(dialect goose.Dialect, q auth.AuditExport) (query string, args []any) {
	var conditions []fragment
	order := exportOrder[dialect]
	if q.After != nil {
		conditions = append(conditions, exportAfter[dialect](q.After))
	}
	if dialect == goose.DialectPostgres {
		conditions = append(conditions, fragment{`txid < txid_snapshot_xmin(txid_current_snapshot())`, nil})
	}
	if q.UserID != nil {
		conditions = append(conditions, fragment{`user_id = $`, []any{*q.UserID}})
	}
	if len(q.Kinds) > 0 {
		kinds := make([]any, len(q.Kinds))
		for i, kind := range q.Kinds {
			kinds[i] = kind
		}
		conditions = append(conditions, fragment{`kind IN ($` + strings.Repeat(`, $`, len(kinds)-1) + `)`, kinds})
	}
	conditions = append(conditions, during(q.From, q.To)...)
	matching := where(conditions)
	text := `SELECT ` + eventColumns.of("audit_events") + `, ` + order.columns[0] + ` FROM audit_events` +
		matching.text + orderBy(order, auth.Page[uuid.UUID]{})
	return numbered(text), append(matching.args, q.Limit)
}

// EventProgress implements auth.AuditLogStore. On SQLite, nothing that is not over can precede what can be read.
func (s *Store) EventProgress(ctx context.Context) (p auth.EventProgress, err error) {
	if s.dialect == goose.DialectSQLite3 {
		return p, nil
	}
	return p, s.row(ctx, "read progress of transactions", []any{&p.Settled, &p.Next},
		`SELECT txid_snapshot_xmin(now), txid_snapshot_xmax(now) FROM txid_current_snapshot() AS now`)
}
