package operator

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
	"usher/internal/auth/internal/transaction"
)

// deleteDue deletes accounts whose users have asked for it and whose grace is over, and returns how many. One that cannot
// be deleted holds up no others.
func (s *Service) deleteDue(ctx context.Context) (deleted int, err error) {
	due, err := s.store.DeletionsDue(ctx, s.tx.Now(), sweepBatch)
	for i := range due {
		done, failure := s.deleteIfDue(ctx, due[i].ID)
		if failure != nil {
			err = errors.Join(err, fmt.Errorf("delete user %s: %w", due[i].ID, failure))
		}
		if done {
			deleted++
		}
	}
	return deleted, err
}

// deleteIfDue deletes an account, unless its user has cancelled the deletion meanwhile. It takes turns with the changes of
// administrators: the last one with an enabled account stays.
func (s *Service) deleteIfDue(ctx context.Context, id uuid.UUID) (deleted bool, err error) {
	kept := false
	err = s.tx.Run(ctx, transaction.Nobody.TakingTurns(), func(ctx context.Context, tx *transaction.Tx) error {
		deleted, kept = false, false
		// This locks the user, even if the account is disabled. No session has the id.
		if _, err := tx.LockSession(ctx, id, uuid.Nil, tx.Now); err != nil {
			return err
		}
		u, err := tx.User(ctx, id)
		if errors.Is(err, auth.ErrNotFound) { // another replica has deleted it
			return nil
		}
		if err != nil || u.DeletionAt == nil || u.DeletionAt.After(tx.Now) {
			return err
		}
		err = accounts.CheckOtherAdmin(ctx, tx, u, "")
		if _, last := errors.AsType[*auth.Error](err); last {
			kept = true
			return nil
		}
		if err != nil {
			return err
		}
		deleted = true
		return accounts.Delete(ctx, tx, s.outbox, u)
	})
	if err != nil {
		return false, err
	}
	if kept {
		s.log.WarnContext(ctx, "account not deleted: it is the last administrator with an enabled account", "user", id)
	}
	return deleted, nil
}
