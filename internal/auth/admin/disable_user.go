package admin

import (
	"context"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/accounts"
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

// DisableUser disables an account and ends its sessions.
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

// Disable disables an account for an actor. Its sessions end, so that they are not valid again when it is enabled.
func Disable(ctx context.Context, runner *transaction.Runner, who transaction.Actor, id uuid.UUID) (*auth.User, error) {
	return changeUser(ctx, runner, who, id, func(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
		if u.DisabledAt != nil {
			return nil
		}
		if err := accounts.CheckOtherAdmin(ctx, tx, u, "userId"); err != nil {
			return err
		}
		// The account comes first, as at sign-in: a sign-in waits here and is then refused.
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

// EnableUser enables a disabled account.
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

// Enable enables a disabled account for an actor.
func Enable(ctx context.Context, runner *transaction.Runner, who transaction.Actor, id uuid.UUID) (*auth.User, error) {
	return changeUser(ctx, runner, who, id, func(ctx context.Context, tx *transaction.Tx, u *auth.User) error {
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
