package store_test

import (
	"context"
	"strings"
	"testing"

	"usher/internal/auth"
	"usher/internal/store"
)

// TestCommitInterrupted interrupts transactions. The error must say whether the outcome of the commit is unknown.
func TestCommitInterrupted(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	s := c.open(t, c.gate.url(t, c.primary))
	for name, tt := range map[string]struct {
		beforeCommit func(ctx context.Context, tx auth.Store, giveUp func()) error
		written      bool
	}{
		"answer lost": {func(context.Context, auth.Store, func()) error {
			c.gate.loseCommit()
			return nil
		}, true},
		"rejected": {func(ctx context.Context, tx auth.Store, _ func()) error {
			inside := tx.(*store.Store)
			err := inside.Exec(ctx, `CREATE TEMPORARY TABLE late (id integer UNIQUE DEFERRABLE INITIALLY DEFERRED)`)
			if err == nil {
				err = inside.Exec(ctx, `INSERT INTO late VALUES (1), (1)`)
			}
			return err
		}, false},
		"caller cancelled": {func(_ context.Context, _ auth.Store, giveUp func()) error {
			giveUp()
			return nil
		}, false},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		reached := false
		err := s.InTx(ctx, func(ctx context.Context, tx auth.Store) error {
			if err := countAttempt(ctx, tx, name); err != nil {
				return err
			}
			err := tt.beforeCommit(ctx, tx, cancel)
			reached = err == nil
			return err
		})
		cancel()
		if err == nil || !reached || strings.Contains(err.Error(), "outcome unknown") != tt.written {
			t.Errorf("%s: commit reached: %t, error: %v", name, reached, err)
		}
		if tt.written {
			wantError(t, name, err, auth.ErrUnavailable)
		}
		a, err := s.Attempts(t.Context(), auth.AttemptCounter{Key: name})
		if err != nil || a.Count == 1 != tt.written {
			t.Errorf("%s: %d attempts, %v, want it written: %t", name, a.Count, err, tt.written)
		}
	}
}
