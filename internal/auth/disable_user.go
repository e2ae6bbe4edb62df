package auth

import (
	"context"

	"github.com/google/uuid"
)

// DisableUserInput is the input of DisableUser.
type DisableUserInput struct {
	UserID uuid.UUID
}

// DisableUserPayload answers DisableUser.
type DisableUserPayload struct {
	User *User
}

// DisableUser shuts an account, and ends its sessions. It is for administrators.
func (s *Service) DisableUser(ctx context.Context, in DisableUserInput) (*DisableUserPayload, error) {
	admin, err := s.administrator(ctx)
	if err != nil {
		return nil, err
	}
	user, err := s.disable(ctx, inSession(admin), in.UserID)
	if err != nil {
		return nil, err
	}
	if user.ID == admin.User.ID {
		CallerFrom(ctx).end()
		s.forgetCookieOf(ctx, admin.Session.ID)
	}
	return &DisableUserPayload{User: user}, nil
}

// disable shuts an account. Its sessions end with it, so that they are not back when it is opened
// again.
func (s *Service) disable(ctx context.Context, who actor, id uuid.UUID) (*User, error) {
	return s.administer(ctx, who, id, func(ctx context.Context, tx *act, u *User) error {
		if u.DisabledAt != nil {
			return nil
		}
		if err := tx.checkOtherAdmin(ctx, u, "userId"); err != nil {
			return err
		}
		// The account goes first, as at sign-in: whoever signs in now waits, and is refused then.
		if err := tx.SetDisabled(ctx, u.ID, &tx.now, tx.now); err != nil {
			return err
		}
		if _, err := tx.EndOtherSessions(ctx, u.ID, uuid.Nil, tx.now); err != nil {
			return err
		}
		u.DisabledAt, u.UpdatedAt = new(tx.now), tx.now
		return tx.record(ctx, AuditEvent{Kind: EventUserDisabled, UserID: &u.ID})
	})
}

// EnableUserInput is the input of EnableUser.
type EnableUserInput struct {
	UserID uuid.UUID
}

// EnableUserPayload answers EnableUser.
type EnableUserPayload struct {
	User *User
}

// EnableUser opens a disabled account again. It is for administrators.
func (s *Service) EnableUser(ctx context.Context, in EnableUserInput) (*EnableUserPayload, error) {
	admin, err := s.administrator(ctx)
	if err != nil {
		return nil, err
	}
	user, err := s.enable(ctx, inSession(admin), in.UserID)
	if err != nil {
		return nil, err
	}
	return &EnableUserPayload{User: user}, nil
}

func (s *Service) enable(ctx context.Context, who actor, id uuid.UUID) (*User, error) {
	return s.administer(ctx, who, id, func(ctx context.Context, tx *act, u *User) error {
		if u.DisabledAt == nil {
			return nil
		}
		if err := tx.SetDisabled(ctx, u.ID, nil, tx.now); err != nil {
			return err
		}
		u.DisabledAt, u.UpdatedAt = nil, tx.now
		return tx.record(ctx, AuditEvent{Kind: EventUserEnabled, UserID: &u.ID})
	})
}
