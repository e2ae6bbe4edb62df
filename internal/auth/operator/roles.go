package operator

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"usher/internal/auth"
	"usher/internal/auth/admin"
	"usher/internal/auth/internal/transaction"
)

// Roles lists all roles, the built-in ones first.
func (s *Service) Roles(ctx context.Context) ([]auth.RoleDefinition, error) {
	return s.store.Roles(ctx)
}

// CreateRole creates a role.
func (s *Service) CreateRole(ctx context.Context, name auth.Role, description *string, permissions []auth.Permission) error {
	change := admin.RoleChange{Description: description, Permissions: permissions}
	if problems := change.Parse(); problems != nil {
		return auth.BadInput(problems...)
	}
	_, err := admin.CreateRole(ctx, s.tx, transaction.Operator, name, change)
	return err
}

// DeleteRole deletes a role and removes it from all users.
func (s *Service) DeleteRole(ctx context.Context, name auth.Role) error {
	return admin.DeleteRole(ctx, s.tx, s.required, transaction.Operator, name)
}

// GrantRole gives permissions to a role, and the role to users, all in one transaction.
func (s *Service) GrantRole(ctx context.Context, name auth.Role, permissions []auth.Permission, users []uuid.UUID) error {
	return s.changeGrants(ctx, name, users, func(r *auth.RoleDefinition) []auth.Permission {
		return slices.Concat(r.Permissions, permissions)
	}, func(roles []auth.Role) []auth.Role { return append(slices.Clone(roles), name) })
}

// RevokeRole takes permissions from a role, and the role from users, all in one transaction.
func (s *Service) RevokeRole(ctx context.Context, name auth.Role, permissions []auth.Permission, users []uuid.UUID) error {
	if name == auth.RoleUser && len(users) > 0 {
		return auth.BadInput(auth.FieldError{Field: "name", Code: auth.InputInUse, Message: "Every account keeps the role USER."})
	}
	return s.changeGrants(ctx, name, users, func(r *auth.RoleDefinition) []auth.Permission {
		return slices.DeleteFunc(slices.Clone(r.Permissions), func(p auth.Permission) bool { return slices.Contains(permissions, p) })
	}, func(roles []auth.Role) []auth.Role {
		return slices.DeleteFunc(slices.Clone(roles), func(r auth.Role) bool { return r == name })
	})
}

func (s *Service) changeGrants(
	ctx context.Context, name auth.Role, users []uuid.UUID,
	permissionsOf func(r *auth.RoleDefinition) []auth.Permission, rolesOf func(roles []auth.Role) []auth.Role,
) error {
	return s.tx.Run(ctx, transaction.Operator.Administering(), func(ctx context.Context, tx *transaction.Tx) error {
		_, err := admin.ChangeRole(ctx, tx, s.required, name, func(r *auth.RoleDefinition) (admin.RoleChange, error) {
			change := admin.RoleChange{Permissions: permissionsOf(r)}
			if problems := change.Parse(); problems != nil {
				return change, auth.BadInput(problems...)
			}
			return change, nil
		})
		if err != nil {
			return err
		}
		for _, id := range users {
			user, err := tx.User(ctx, id)
			if err != nil {
				return err
			}
			if err := admin.SetUserRoles(ctx, tx, user, rolesOf(user.Roles)); err != nil {
				return err
			}
		}
		return nil
	})
}
