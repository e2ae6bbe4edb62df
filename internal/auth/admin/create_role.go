package admin

import (
	"context"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
)

// CreateRoleInput is the input of CreateRole.
type CreateRoleInput struct {
	Name        auth.Role
	Description *string
	Permissions []auth.Permission
}

// CreateRolePayload answers CreateRole.
type CreateRolePayload struct {
	Role *auth.RoleDefinition
}

// CreateRole creates a role.
func (s *Service) CreateRole(ctx context.Context, in CreateRoleInput) (*CreateRolePayload, error) {
	admin, err := s.access.Administrator(ctx)
	if err != nil {
		return nil, err
	}
	change := RoleChange{in.Description, in.Permissions}
	problems := change.Parse()
	if !in.Name.Valid() {
		problems = append(problems, auth.FieldError{Field: "name", Code: auth.InputInvalidFormat, Message: roleMessage})
	}
	if problems != nil {
		return nil, auth.BadInput(problems...)
	}
	role, err := CreateRole(ctx, s.tx, transaction.InSession(admin), in.Name, change)
	if err != nil {
		return nil, err
	}
	return &CreateRolePayload{Role: role}, nil
}
