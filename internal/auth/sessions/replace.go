package sessions

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// endReplaced ends the session of the refresh token that a client drops for a token of another session. It may be
// another user's session: the client has no other trace of it, so nobody could end it later. A token that is invalid,
// or whose session has ended, is ignored.
func (s *Service) endReplaced(ctx context.Context, tx *transaction.Tx, dropped string, session uuid.UUID) error {
	old, ok := s.refresh.open(dropped)
	if !ok || old.session == session {
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
	return tx.RecordSession(ctx, auth.EventTokenRevoked, &state.Viewer)
}

// endReplacedByRefresh is endReplaced for a refresh of the session of v. If it fails, the client can present the same
// refresh token again.
func (s *Service) endReplacedByRefresh(ctx context.Context, v *auth.Viewer, dropped string) error {
	if t, ok := s.refresh.open(dropped); !ok || t.session == v.Session.ID {
		return nil
	}
	return s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) error {
		return s.endReplaced(ctx, tx, dropped, v.Session.ID)
	})
}
