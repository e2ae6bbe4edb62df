package admin

import (
	"context"
	"slices"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/transaction"
)

// DeleteRoleInput is the input of DeleteRole.
type DeleteRoleInput struct {
	Name auth.Role
}

// DeleteRolePayload answers DeleteRole.
type DeleteRolePayload struct {
	Name auth.Role
}

// DeleteRole deletes a role and removes it from all users. The rest of the request sees the change.
func (s *Service) DeleteRole(ctx context.Context, in DeleteRoleInput) (*DeleteRolePayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	if err := DeleteRole(ctx, s.tx, s.required, transaction.InSession(admin), in.Name); err != nil {
		return nil, err
	}
	user := admin.User
	user.Roles = slices.DeleteFunc(slices.Clone(user.Roles), func(r auth.Role) bool { return r == in.Name })
	caller.Renew(ctx, &auth.Viewer{User: user, Session: admin.Session})
	return &DeleteRolePayload{Name: in.Name}, nil
}
