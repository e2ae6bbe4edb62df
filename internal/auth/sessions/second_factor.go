package sessions

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// asksMailedCode reports whether a user needs a mailed code beside the password to sign in: they had to set up a second
// factor and did not in time. Otherwise whoever has found out the password could set up one of their own. The code is that of
// RequestLoginCode, which limits the mails.
func (s *Service) asksMailedCode(u *auth.User) bool {
	return s.second.Overdue(u, s.tx.Now()) && u.HasVerifiedEmail() && s.outbox.Enabled()
}

// startFactorTime starts the time of a user to set up a second factor, if they need one and it has not started.
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
	if s.second.Starts(u, s.tx.Now()) == nil {
		return
	}
	err := s.tx.Run(ctx, transaction.Nobody, func(ctx context.Context, tx *transaction.Tx) error {
		return s.startFactorTime(ctx, tx, u)
	})
	if err != nil {
		s.log.WarnContext(ctx, "the time to set up a second factor has not started", "user", u.ID, "err", err)
	}
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
