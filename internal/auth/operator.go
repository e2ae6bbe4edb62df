package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"usher/internal/identity"
)

// What follows is for the operator's commands. No field of the schema leads here, so nothing asks
// who calls.

// CreateUser creates an account with the given roles, without signing it in.
func (s *Service) CreateUser(ctx context.Context, in SignupInput, roles []Role) (*User, error) {
	account, err := s.newAccount(ctx, in, roles)
	if err != nil {
		return nil, err
	}
	err = s.inTx(ctx, operator, func(ctx context.Context, tx *act) error {
		if err := createAccount(ctx, tx, account); err != nil {
			return err
		}
		return tx.record(ctx, AuditEvent{Kind: EventUserCreated, UserID: &account.ID, Roles: roles})
	})
	if err != nil {
		return nil, err
	}
	return &account.User, nil
}

// FindUser finds a user by user name, e-mail address or id. It returns ErrNotFound when nobody has it.
func (s *Service) FindUser(ctx context.Context, identifier string) (*User, error) {
	if id, err := uuid.Parse(identifier); err == nil { // no user name has this form
		return s.store.User(ctx, id)
	}
	key, isEmail, ok := identity.ParseIdentifier(identifier)
	if !ok {
		return nil, ErrNotFound
	}
	account, err := s.accountByKey(ctx, key, isEmail)
	if err != nil {
		return nil, err
	}
	return &account.User, nil
}

// SetDisabled shuts an account and ends its sessions, or opens it again.
func (s *Service) SetDisabled(ctx context.Context, id uuid.UUID, disabled bool) error {
	set := s.enable
	if disabled {
		set = s.disable
	}
	_, err := set(ctx, operator, id)
	return err
}

// Unlock clears the counters of failed sign-ins of a user, so that they can try again at once.
func (s *Service) Unlock(ctx context.Context, u *User) error {
	err := s.inTx(ctx, operator, func(ctx context.Context, tx *act) error {
		cleared, err := tx.ClearAttempts(ctx, u.ID)
		if err != nil || !cleared {
			return err
		}
		return tx.record(ctx, AuditEvent{Kind: EventUserUnlocked, UserID: &u.ID})
	})
	if err != nil {
		return fmt.Errorf("unlock: %w", err)
	}
	return nil
}
