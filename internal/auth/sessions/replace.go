package sessions

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// SessionOf returns the session that a refresh token belongs to, whatever its state. It reports false when this
// server has not made the token.
func (s *Service) SessionOf(refreshToken string) (uuid.UUID, bool) {
	t, ok := s.refresh.open(refreshToken)
	return t.session, ok
}

// replaced opens a refresh token that a client loses for one of a session, if it belongs to another session.
func (s *Service) replaced(lost string, session uuid.UUID) (t refreshToken, ok bool) {
	t, ok = s.refresh.open(lost)
	return t, ok && t.session != session
}

// endReplaced ends the session of the refresh token that a client loses for one of another session, whichever
// user it belongs to: the client has no other trace of it, so nobody could end it later. A token that is
// not valid, or of a session that has ended, is ignored.
func (s *Service) endReplaced(ctx context.Context, tx *transaction.Tx, lost string, session uuid.UUID) error {
	old, ok := s.replaced(lost, session)
	if !ok {
		return nil
	}
	state, err := tx.RefreshState(ctx, old.session)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("read the replaced session: %w", err)
	}
	if over := s.tx.CheckLive(&state.Viewer); !old.belongsTo(state) || over != nil {
		return nil //nolint:nilerr // There is nothing to end.
	}
	ended, err := tx.EndSession(ctx, old.session, tx.Now)
	if err != nil {
		return fmt.Errorf("end the replaced session: %w", err)
	}
	if !ended {
		return nil
	}
	return tx.Record(ctx, transaction.InSessionOf(&state.Viewer, auth.EventTokenRevoked))
}

// endReplacedByRefresh is endReplaced for a refresh of the session of v. If it fails, the client can present
// the same refresh token again.
func (s *Service) endReplacedByRefresh(ctx context.Context, v *auth.Viewer, lost string) error {
	if _, ok := s.replaced(lost, v.Session.ID); !ok {
		return nil
	}
	return s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		return s.endReplaced(ctx, tx, lost, v.Session.ID)
	})
}
