package admin

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// DisableUserInput is the input of DisableUser.
type DisableUserInput struct {
	UserID uuid.UUID
}

// DisableUserPayload answers DisableUser.
type DisableUserPayload struct {
	User *auth.User
}

// DisableUser disables an account and ends its sessions. It is for administrators.
func (s *Service) DisableUser(ctx context.Context, in DisableUserInput) (*DisableUserPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	user, err := Disable(ctx, s.tx, transaction.InSession(admin), in.UserID)
	if err != nil {
		return nil, err
	}
	return &DisableUserPayload{User: user}, nil
}

// Disable disables an account. Its sessions end with it, so that they are not back when it is enabled
// again.
func Disable(ctx context.Context, runner *transaction.Runner, who transaction.Actor, id uuid.UUID) (*auth.User, error) {
	return Change(ctx, runner, who, id, func(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
		if u.DisabledAt != nil {
			return nil
		}
		if err := checkOtherAdmin(ctx, tx, u, "userId"); err != nil {
			return err
		}
		// The account goes first, as at sign-in: whoever signs in now waits, and is refused then.
		if err := tx.SetDisabled(ctx, u.ID, &tx.Now, tx.Now); err != nil {
			return err
		}
		if _, err := tx.EndOtherSessions(ctx, u.ID, uuid.Nil, tx.Now); err != nil {
			return err
		}
		u.DisabledAt, u.UpdatedAt = new(tx.Now), tx.Now
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserDisabled, UserID: &u.ID})
	})
}

// EnableUserInput is the input of EnableUser.
type EnableUserInput struct {
	UserID uuid.UUID
}

// EnableUserPayload answers EnableUser.
type EnableUserPayload struct {
	User *auth.User
}

// EnableUser enables a disabled account. It is for administrators.
func (s *Service) EnableUser(ctx context.Context, in EnableUserInput) (*EnableUserPayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	user, err := Enable(ctx, s.tx, transaction.InSession(admin), in.UserID)
	if err != nil {
		return nil, err
	}
	return &EnableUserPayload{User: user}, nil
}

// Enable enables a disabled account.
func Enable(ctx context.Context, runner *transaction.Runner, who transaction.Actor, id uuid.UUID) (*auth.User, error) {
	return Change(ctx, runner, who, id, func(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
		if u.DisabledAt == nil {
			return nil
		}
		if err := tx.SetDisabled(ctx, u.ID, nil, tx.Now); err != nil {
			return err
		}
		u.DisabledAt, u.UpdatedAt = nil, tx.Now
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventUserEnabled, UserID: &u.ID})
	})
}
