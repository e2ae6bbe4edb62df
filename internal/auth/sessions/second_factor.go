package sessions

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// startFactorTime starts the time of the user of a new session to set up a second factor, if they need one and it has not
// started.
func (s *Service) startFactorTime(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
	due := s.second.Starts(u, tx.Now)
	if due == nil {
		return nil
	}
	u.FactorDueAt = due
	return tx.SetFactorDue(ctx, u.ID, *due)
}

// startFactorTimeOfRefresh is startFactorTime for a session from before the policy. It costs nothing once the time has
// started. It cannot fail the refresh, which has used the token up: the next one tries again.
func (s *Service) startFactorTimeOfRefresh(ctx context.Context, u *auth.User) {
	due := s.second.Starts(u, s.tx.Now())
	if due == nil {
		return
	}
	err := s.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		return tx.SetFactorDue(ctx, u.ID, *due)
	})
	if err != nil {
		s.log.WarnContext(ctx, "the time to set up a second factor has not started", "user", u.ID, "err", err)
		return
	}
	u.FactorDueAt = due // not before, because the transaction may run again
}

// Allowed returns a user as other services may see them: without roles as long as the user has to set up a second factor.
func (s *Service) Allowed(u *auth.User) *auth.User {
	if !s.second.Overdue(u, s.tx.Now()) {
		return u
	}
	shown := *u
	shown.Roles = nil
	return &shown
}
