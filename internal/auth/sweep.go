package auth

import (
	"context"
	"fmt"
	"time"
)

const (
	// sweepAfter is how long a session stays after its end, so that its tokens are told apart from
	// ones that never were.
	sweepAfter = 24 * time.Hour
	// sweepFailuresAfter is longer than the longest wait of the limit on failed sign-ins.
	sweepFailuresAfter = 2 * lockedWait
	// sweepBatch is how many rows one statement deletes: few enough that others need not wait.
	sweepBatch = 1000
)

// Sweep deletes what nobody can need any more, batch by batch.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.now()
	for what, sweep := range map[string]func() (int, error){
		"sessions":       func() (int, error) { return s.store.SweepSessions(ctx, now.Add(-sweepAfter), sweepBatch) },
		"login failures": func() (int, error) { return s.store.SweepLoginFailures(ctx, now.Add(-sweepFailuresAfter), sweepBatch) },
	} {
		for n := sweepBatch; n == sweepBatch; {
			var err error
			if n, err = sweep(); err != nil {
				return fmt.Errorf("sweep %s: %w", what, err)
			}
		}
	}
	return nil
}
