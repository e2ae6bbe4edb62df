package operator

import (
	"context"
	"errors"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

const (
	// sweepAfter is how long a session stays stored after its end, for investigations.
	sweepAfter = 24 * time.Hour
	// sweepAttemptsAfter is longer than the longest wait of the limit on attempts.
	sweepAttemptsAfter = 2 * 24 * time.Hour
	// sweepMailsAfter is how long administrators can see a mail. Requests that led to no mail tell them little, and there
	// can be many.
	sweepMailsAfter   = 30 * 24 * time.Hour
	sweepDroppedAfter = 24 * time.Hour
	// sweepSecretsAfter is how long a user learns that a link has expired. Then it is unknown.
	sweepSecretsAfter = 7 * 24 * time.Hour
	// sweepExpiredAfter is how far the clock of another replica may be behind, for which a counter, a challenge or a ceremony has not
	// expired yet.
	sweepExpiredAfter = time.Hour
	// sweepBatch is how many rows one statement deletes, or one transaction changes. More would make others wait.
	sweepBatch = 1000
)

// Sweep deletes accounts that are due and expired data, and completes rows that servers of older releases have written,
// in batches.
func (s *Service) Sweep(ctx context.Context) error {
	now := s.tx.Now()
	mails := func(state auth.MailState, after time.Duration) error {
		return inBatches(func() (int, error) { return s.store.SweepMails(ctx, state, now.Add(-after), sweepBatch) })
	}
	return errors.Join(
		inBatches(func() (int, error) { return s.deleteDue(ctx) }),
		inBatches(func() (int, error) { return s.keyFullNames(ctx) }),
		inBatches(func() (int, error) { return s.store.SweepSessions(ctx, now.Add(-sweepAfter), sweepBatch) }),
		inBatches(func() (int, error) { return s.store.SweepAttempts(ctx, now.Add(-sweepAttemptsAfter), sweepBatch) }),
		inBatches(func() (int, error) { return s.store.SweepMailedSecrets(ctx, now.Add(-sweepSecretsAfter), sweepBatch) }),
		inBatches(func() (int, error) { return s.store.SweepEmailChanges(ctx, now, sweepBatch) }),
		inBatches(func() (int, error) { return s.store.SweepCeremonies(ctx, now.Add(-sweepExpiredAfter), sweepBatch) }),
		inBatches(func() (int, error) { return s.store.SweepRateLimits(ctx, now.Add(-sweepExpiredAfter), sweepBatch) }),
		inBatches(func() (int, error) { return s.store.SweepChallenges(ctx, now.Add(-sweepExpiredAfter), sweepBatch) }),
		mails(auth.MailDropped, sweepDroppedAfter),
		mails(auth.MailSent, sweepMailsAfter),
		mails(auth.MailFailed, sweepMailsAfter),
		mails(auth.MailExpired, sweepMailsAfter),
		mails(auth.MailQueued, sweepMailsAfter), // of a server that no longer sends mail
		s.sweepAuditLog(ctx, now),
	)
}

// keyFullNames writes the search keys of some full names that servers of older releases have stored without one, and
// returns how many.
func (s *Service) keyFullNames(ctx context.Context) (int, error) {
	users, err := s.store.UsersWithoutKey(ctx, sweepBatch)
	if err != nil || len(users) == 0 {
		return 0, err
	}
	return len(users), s.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		for _, u := range users {
			if err := tx.SetFullNameKey(ctx, u.ID, *u.FullName, auth.SearchKey(*u.FullName)); err != nil {
				return err
			}
		}
		return nil
	})
}

// inBatches calls sweep until a batch is not full.
func inBatches(sweep func() (int, error)) error {
	for {
		if n, err := sweep(); err != nil || n < sweepBatch {
			return err
		}
	}
}
