package auth

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
)

// administrator returns the signed-in user, when they have the role ADMIN. Whatever reads or
// changes other people's accounts asks here, though the edge has asked before.
func (s *Service) administrator(ctx context.Context) (*Viewer, error) {
	v, err := s.Viewer(ctx)
	if err != nil {
		return nil, err
	}
	if !v.User.isAdmin() {
		return nil, errForbidden
	}
	return v, nil
}

func (u *User) isAdmin() bool { return slices.Contains(u.Roles, RoleAdmin) }

// administer runs change on a user in one transaction, and returns the user as change leaves them.
// Such transactions take turns, so that each decides on what the one before has left: two
// administrators who demote each other cannot both succeed.
func (s *Service) administer(
	ctx context.Context, who actor, id uuid.UUID, change func(ctx context.Context, tx *act, u *User) error,
) (*User, error) {
	var user *User
	who.administers = true
	err := s.inTx(ctx, who, func(ctx context.Context, tx *act) (err error) {
		user, err = tx.User(ctx, id)
		if errors.Is(err, ErrNotFound) {
			return BadInput(FieldError{Path: []string{"input", "userId"}, Code: InputNotFound, Message: "There is no such user."})
		}
		if err != nil {
			return err
		}
		return change(ctx, tx, user)
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// checkOtherAdmin refuses to take the role or the account from an administrator when nobody else has
// both. The field of the input is the one that asked for it.
func (tx *act) checkOtherAdmin(ctx context.Context, u *User, field string) error {
	if !u.isAdmin() {
		return nil
	}
	other, err := tx.HasOtherAdmin(ctx, u.ID)
	if err != nil || other {
		return err
	}
	return BadInput(FieldError{
		Path: []string{"input", field}, Code: InputLastAdmin,
		Message: "This is the last administrator with an open account.",
	})
}
