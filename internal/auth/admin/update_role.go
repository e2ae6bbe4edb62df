package admin

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
	"usher/internal/auth/internal/transaction"
)

// UpdateRoleInput is the input of UpdateRole. Nil fields change nothing.
type UpdateRoleInput struct {
	Name auth.Role
	// Description is the new description; an empty one removes it.
	Description *string
	// Permissions replace the role's permissions.
	Permissions []auth.Permission
}

// UpdateRolePayload answers UpdateRole.
type UpdateRolePayload struct {
	Role *auth.RoleDefinition
}

// UpdateRole changes the description and the permissions of a role. The rest of the request sees the change.
func (s *Service) UpdateRole(ctx context.Context, in UpdateRoleInput) (*UpdateRolePayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	change := RoleChange{in.Description, in.Permissions}
	if problems := change.Parse(); problems != nil {
		return nil, auth.BadInput(problems...)
	}
	var role *auth.RoleDefinition
	err = s.tx.Run(ctx, transaction.InSession(admin).Administering(), func(ctx context.Context, tx *transaction.Tx) (err error) {
		role, err = ChangeRole(ctx, tx, s.required, in.Name, func(*auth.RoleDefinition) (RoleChange, error) { return change, nil })
		return err
	})
	if err != nil {
		return nil, err
	}
	caller.Renew(ctx, admin)
	return &UpdateRolePayload{Role: role}, nil
}
