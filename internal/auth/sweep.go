package auth

import (
	"context"
	"errors"
	"time"
)

const (
	// sweepAfter is how long a session stays after its end, for whoever looks into what happened.
	sweepAfter = 24 * time.Hour
	// sweepFailuresAfter is longer than the longest wait of the limit on failed sign-ins.
	sweepFailuresAfter = 2 * lockedWait
	// sweepBatch is how many rows one statement deletes: few enough that others need not wait.
	sweepBatch = 1000
)

// Sweep deletes what nobody can need any more, batch by batch.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.now()
	return errors.Join(
		inBatches(func() (int, error) { return s.store.SweepSessions(ctx, now.Add(-sweepAfter), sweepBatch) }),
		inBatches(func() (int, error) { return s.store.SweepLoginFailures(ctx, now.Add(-sweepFailuresAfter), sweepBatch) }),
	)
}

// inBatches sweeps until a batch is not full.
func inBatches(sweep func() (int, error)) error {
	for {
		if n, err := sweep(); err != nil || n < sweepBatch {
			return err
		}
	}
}
