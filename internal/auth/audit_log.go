package auth

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
)

// AuditLogStore is what the operator and the server's jobs do with the audit log as a whole.
type AuditLogStore interface {
	// PrepareEvents makes room for the events of the coming months, where the database keeps months apart. It returns
	// ErrNotOwner if the database does not let this role do so, and ErrMonthOccupied if events of a coming month are stored
	// elsewhere already.
	PrepareEvents(ctx context.Context, now time.Time) error
	// SweepEvents deletes events that are older than a time by the time in the id, and returns how many. It deletes up to
	// limit of them, or all of one month, and then may return any number that is not zero. Events of a month that is not
	// wholly older may stay. Nothing else deletes an event. It returns ErrNotOwner if the database does not let this role
	// do so.
	SweepEvents(ctx context.Context, before time.Time, limit int) (int, error)
	// EventPosition returns the position of an event in an export.
	EventPosition(ctx context.Context, id uuid.UUID) (*AuditPosition, error)
	// ExportEvents lists events in the order of their transactions, and returns the position after which the next page
	// begins. Events that are added later come after all that it has returned.
	ExportEvents(ctx context.Context, q AuditExport) ([]AuditEvent, *AuditPosition, error)
	// EventProgress returns how far ExportEvents can read.
	EventProgress(ctx context.Context) (EventProgress, error)
}

// ErrNotOwner means that the role does not own the tables, so that it cannot make or drop parts of them.
var ErrNotOwner = errors.New("the role does not own the tables")

// ErrMonthOccupied means that a month has no place of its own, because events of it are stored elsewhere.
var ErrMonthOccupied = errors.New("events of the month are stored elsewhere")

// AuditExport selects a page of the audit log, the oldest first. Zero filters match every event.
type AuditExport struct {
	// After is the position after which the page begins; nil for the beginning of the log. It may be that of an event that
	// no longer exists.
	After  *AuditPosition
	Kinds  []AuditEventKind
	UserID *uuid.UUID
	// From and To are as in AuditEventQuery.
	From, To *time.Time
	// Limit is the maximum number of events.
	Limit int
}

// EventProgress compares transactions. Each has a number, in the order of their beginnings.
type EventProgress struct {
	// Settled is the first transaction that may not be over. ExportEvents returns the events of all before it.
	Settled int64
	// Next is the first transaction that has not begun.
	Next int64
}

// AuditPosition is a position in an export. Its ID need not be that of an event.
type AuditPosition struct {
	ID uuid.UUID
	// Number is for the Store.
	Number int64
}
