package sessions

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/transaction"
)

// Logout ends the session of the request and returns its id. Its access tokens and its refresh token are refused
// from now on.
func (s *Service) Logout(ctx context.Context) (uuid.UUID, error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	return v.Session.ID, s.end(ctx, transaction.InSession(v), v, auth.EventLogout)
}

// Revoke ends a session of the signed-in user. Another user's session is not found, like one that does not exist. A
// session that has already ended is no error.
func (s *Service) Revoke(ctx context.Context, id uuid.UUID) error {
	viewer, err := s.access.Viewer(ctx)
	if err != nil {
		return err
	}
	target, err := s.store.Viewer(ctx, id)
	if errors.Is(err, auth.ErrNotFound) || err == nil && target.User.ID != viewer.User.ID {
		return auth.BadInput(auth.FieldError{Field: "sessionId", Code: auth.InputNotFound, Message: "You have no such session."})
	}
	if err != nil {
		return fmt.Errorf("find session: %w", err)
	}
	return s.end(ctx, transaction.InSession(viewer), target, auth.EventSessionRevoked)
}

// end ends a session and records why, unless it has already ended.
func (s *Service) end(ctx context.Context, who transaction.Actor, v *auth.Viewer, why auth.AuditEventKind) error {
	err := s.tx.Run(ctx, who, func(ctx context.Context, tx *transaction.Tx) error {
		ended, err := tx.EndSession(ctx, v.Session.ID, tx.Now)
		if err != nil || !ended {
			return err
		}
		return tx.RecordSession(ctx, why, v)
	})
	if err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// RevokeOthers ends every session of the signed-in user but the one of the request, and returns how many.
func (s *Service) RevokeOthers(ctx context.Context) (n int, err error) {
	v, err := s.access.Viewer(ctx)
	if err != nil {
		return 0, err
	}
	err = s.tx.Run(ctx, transaction.InSession(v), func(ctx context.Context, tx *transaction.Tx) (err error) {
		n, err = EndOthers(ctx, tx)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("end other sessions: %w", err)
	}
	return n, nil
}

// EndOthers ends every session of the actor of a transaction but their own, and returns how many.
func EndOthers(ctx context.Context, tx *transaction.Tx) (int, error) {
	user := tx.Viewer.User.ID
	n, err := tx.EndOtherSessions(ctx, user, tx.Viewer.Session.ID, tx.Now)
	if err != nil || n == 0 {
		return 0, err
	}
	return n, tx.Record(ctx, auth.AuditEvent{Kind: auth.EventSessionRevoked, UserID: &user})
}

// FindByToken finds the session of an access or refresh token, whatever its state. The session of a disabled account
// can be ended too, so that it is not valid again when the account is enabled.
func (s *Service) FindByToken(ctx context.Context, text string) (*auth.Viewer, error) {
	if t, ok := s.refresh.open(text); ok {
		state, err := s.store.RefreshState(ctx, t.session)
		switch {
		case err != nil:
			return nil, err
		case !t.belongsTo(state):
			return nil, auth.ErrNotFound
		}
		return &state.Viewer, nil
	}
	claims, err := s.tokens.VerifyAny(text)
	if err != nil {
		return nil, auth.ErrNotFound
	}
	id, err := uuid.Parse(claims.SessionID)
	if err != nil {
		return nil, auth.ErrNotFound
	}
	v, err := s.store.Viewer(ctx, id)
	if err == nil && v.User.ID.String() != claims.Subject {
		err = auth.ErrNotFound
	}
	return v, err
}

// RevokeByToken ends the session of an access or refresh token. The token alone authorizes the call. It is no error if
// the token has no session. The audit log names no actor, because the caller may be a thief.
func (s *Service) RevokeByToken(ctx context.Context, text string) error {
	v, err := s.FindByToken(ctx, text)
	switch {
	case errors.Is(err, auth.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("revoke token: %w", err)
	}
	return s.end(ctx, transaction.Nobody, v, auth.EventTokenRevoked)
}

// HasEnded reports whether the request has ended the session of a refresh token. A token that this server has not
// issued counts as one of a session that the request has ended, if it has ended any.
func (s *Service) HasEnded(ctx context.Context, refreshToken string) bool {
	ended := caller.Ended(ctx)
	if len(ended) == 0 {
		return false
	}
	t, ok := s.refresh.open(refreshToken)
	return !ok || slices.Contains(ended, t.session)
}
