package operator

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"usher/internal/auth"
)

// sweepAuditLog deletes the events that are older than the retention, and makes room for the coming months. Where the
// database refuses, it logs a warning, because nobody else may notice.
func (s *Service) sweepAuditLog(ctx context.Context, now time.Time) error {
	err := s.store.PrepareEvents(ctx, now)
	switch {
	case errors.Is(err, auth.ErrNotOwner):
		s.log.WarnContext(ctx, "the audit log has no partition for a coming month, because this role does not own the table: "+
			"run usher migrate as the owner at least every three months", "err", err)
	case errors.Is(err, auth.ErrMonthOccupied):
		s.log.WarnContext(ctx, "events of a month are in the default partition of the audit log: "+
			"they are deleted in batches and not as one partition", "err", err)
	case err != nil:
		return err
	}
	if s.auditRetention <= 0 {
		return nil
	}
	before := now.Add(-s.auditRetention)
	err = inBatches(func() (int, error) { return s.store.SweepEvents(ctx, before, sweepBatch) })
	if errors.Is(err, auth.ErrNotOwner) {
		s.log.WarnContext(ctx, "events are older than --audit-retention, but this role does not own the audit log: "+
			"run the server as the owner, or drop the old partitions as the owner", "err", err)
		return nil
	}
	return err
}

// exportBatch is how many events one statement reads. It bounds memory, and how long a statement keeps a partition from
// being dropped.
const exportBatch = 1000

// ExportOptions select the events of an export. Zero filters match every event.
type ExportOptions struct {
	// After is the id of the event after which the export begins.
	After    *uuid.UUID
	Kinds    []auth.AuditEventKind
	UserID   *uuid.UUID
	From, To *time.Time
	// Follow, if not nil, tells when to look for new events. The export then ends only with the context.
	Follow <-chan time.Time
	// Wait tells when to look again for events that were written before the export began, while their transactions are
	// not over.
	Wait <-chan time.Time
}

// ErrOtherServer says that another server answers than before, and that it does not have all that the first one had.
var ErrOtherServer = errors.New("the database has lost its newest transactions, as after a failover: " +
	"compare the last events of the export with the audit log, and start again with --after and one that it has")

// ErrNoSuchEvent says that no event has the id after which an export is to begin.
var ErrNoSuchEvent = errors.New("no event of the audit log has this id")

// ExportEvents calls f with pages of the audit log, the oldest transactions first. It reads in statements of their own, so
// it keeps nobody waiting. Each event that was committed when the export began comes exactly once.
func (s *Service) ExportEvents(ctx context.Context, o ExportOptions, f func([]auth.AuditEvent) error) error {
	begin, err := s.store.EventProgress(ctx)
	if err != nil {
		return err
	}
	q := auth.AuditExport{Kinds: o.Kinds, UserID: o.UserID, From: o.From, To: o.To, Limit: exportBatch}
	if o.After != nil {
		q.After, err = s.store.EventPosition(ctx, *o.After)
		if errors.Is(err, auth.ErrNotFound) {
			return fmt.Errorf("%w: %s", ErrNoSuchEvent, o.After)
		}
		if err != nil {
			return err
		}
	}
	for progress := begin; ; {
		before := progress.Settled
		if progress, err = s.store.EventProgress(ctx); err != nil { // before the page, which may only know more
			return err
		}
		if progress.Settled < before { // numbers are used twice, so a new event may have one of before the position
			return ErrOtherServer
		}
		var events []auth.AuditEvent
		if events, q.After, err = s.store.ExportEvents(ctx, q); err != nil {
			return err
		}
		if len(events) > 0 {
			if err := f(events); err != nil {
				return err
			}
		}
		if len(events) == exportBatch {
			continue
		}
		again := o.Follow
		if again == nil {
			if progress.Settled >= begin.Next {
				return nil
			}
			again = o.Wait
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again:
		}
	}
}
