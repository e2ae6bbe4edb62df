package admin

import (
	"context"
	"fmt"
	"slices"

	"usher/internal/auth"
	"usher/internal/auth/internal/transaction"
	"usher/internal/identity"
)

const (
	roleMessage       = "Use up to 63 upper-case letters, digits and underscores, starting with a letter."
	permissionMessage = "Use lower-case words separated by colons, such as orders:read."
)

// Roles lists all roles, the built-in ones first.
func (s *Service) Roles(ctx context.Context) ([]auth.RoleDefinition, error) {
	if _, err := s.access.Administrator(ctx); err != nil {
		return nil, err
	}
	return s.store.Roles(ctx)
}

func find(roles []auth.RoleDefinition, name auth.Role) *auth.RoleDefinition {
	i := slices.IndexFunc(roles, func(r auth.RoleDefinition) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return &roles[i]
}

// RoleChange is a change of a role. Nil fields change nothing.
type RoleChange struct {
	// Description is the new description; an empty one removes it.
	Description *string
	// Permissions replace the role's permissions.
	Permissions []auth.Permission
}

// Parse normalizes the change and returns what is wrong with it.
func (c *RoleChange) Parse() (problems []auth.FieldError) {
	if c.Description != nil {
		text, err := identity.ParseFullName(*c.Description)
		if err != nil {
			problems = append(problems, auth.InvalidField("description", err))
		}
		c.Description = &text
	}
	if c.Permissions == nil {
		return problems
	}
	c.Permissions = auth.SortPermissions(c.Permissions)
	switch {
	case slices.ContainsFunc(c.Permissions, func(p auth.Permission) bool { return !p.Valid() }):
		problems = append(problems, auth.FieldError{Field: "permissions", Code: auth.InputInvalidFormat, Message: permissionMessage})
	case len(c.Permissions) > auth.MaxPermissions:
		problems = append(problems, auth.FieldError{
			Field: "permissions", Code: auth.InputTooMany, Message: fmt.Sprintf("Use at most %d permissions.", auth.MaxPermissions),
		})
	}
	return problems
}

// apply changes a role, and reports whether it differs then.
func (c *RoleChange) apply(r *auth.RoleDefinition) (changed bool) {
	if d := c.Description; d != nil {
		if *d == "" {
			d = nil
		}
		changed = (d == nil) != (r.Description == nil) || d != nil && *d != *r.Description
		r.Description = d
	}
	if c.Permissions != nil && !slices.Equal(c.Permissions, r.Permissions) {
		r.Permissions, changed = c.Permissions, true
	}
	return changed
}

// CreateRole creates a role for an actor. The change has been parsed.
func CreateRole(
	ctx context.Context, runner *transaction.Runner, who transaction.Actor, name auth.Role, change RoleChange,
) (*auth.RoleDefinition, error) {
	var role *auth.RoleDefinition
	err := runner.Run(ctx, who.Administering(), func(ctx context.Context, tx *transaction.Tx) error {
		known, err := tx.Roles(ctx)
		switch {
		case err != nil:
			return err
		case find(known, name) != nil:
			return auth.BadInput(auth.FieldError{Field: "name", Code: auth.InputTaken, Message: "This role already exists."})
		case len(known) >= auth.MaxRoles:
			return auth.BadInput(auth.FieldError{
				Field: "name", Code: auth.InputTooMany, Message: fmt.Sprintf("The server already has %d roles. Delete one first.", auth.MaxRoles),
			})
		}
		role = &auth.RoleDefinition{Name: name, Permissions: []auth.Permission{}, CreatedAt: tx.Now, UpdatedAt: tx.Now}
		change.apply(role)
		if err := tx.CreateRole(ctx, role); err != nil {
			return err
		}
		return recordRole(ctx, tx, auth.EventRoleCreated, role)
	})
	if err != nil {
		return nil, err
	}
	return role, nil
}

// ChangeRole changes a role in a transaction that administers. The function sees the role and returns the change, which has
// been parsed.
func ChangeRole(
	ctx context.Context, tx *transaction.Tx, required auth.Requirements, name auth.Role, change func(r *auth.RoleDefinition) (RoleChange, error),
) (*auth.RoleDefinition, error) {
	known, err := tx.Roles(ctx)
	if err != nil {
		return nil, err
	}
	role := find(known, name)
	if role == nil {
		return nil, errNoRole
	}
	before := slices.Clone(known)
	wanted, err := change(role)
	if err != nil {
		return nil, err
	}
	if !wanted.apply(role) {
		return role, nil
	}
	if err := checkRequired(required, before, known, "permissions"); err != nil {
		return nil, err
	}
	role.UpdatedAt = tx.Now
	if err := tx.UpdateRole(ctx, role); err != nil {
		return nil, err
	}
	return role, recordRole(ctx, tx, auth.EventRoleUpdated, role)
}

// DeleteRole deletes a role for an actor and removes it from all users.
func DeleteRole(ctx context.Context, runner *transaction.Runner, required auth.Requirements, who transaction.Actor, name auth.Role) error {
	return runner.Run(ctx, who.Administering(), func(ctx context.Context, tx *transaction.Tx) error {
		known, err := tx.Roles(ctx)
		if err != nil {
			return err
		}
		if find(known, name) == nil {
			return errNoRole
		}
		if name.BuiltIn() {
			return auth.BadInput(auth.FieldError{Field: "name", Code: auth.InputInUse, Message: "This role is built in and cannot be deleted."})
		}
		left := slices.DeleteFunc(slices.Clone(known), func(r auth.RoleDefinition) bool { return r.Name == name })
		if err := checkRequired(required, known, left, "name"); err != nil {
			return err
		}
		if err := tx.DeleteRole(ctx, name, tx.Now); err != nil {
			return err
		}
		return tx.Record(ctx, auth.AuditEvent{Kind: auth.EventRoleDeleted, Roles: []auth.Role{name}})
	})
}

var errNoRole = auth.BadInput(auth.FieldError{Field: "name", Code: auth.InputNotFound, Message: "No role has this name."})

// checkRequired returns an error about a field of the input if a change removes what the schema requires. What was
// missing before the change does not matter.
func checkRequired(required auth.Requirements, before, after []auth.RoleDefinition, field string) error {
	missing := required.Unmet(before)
	for _, r := range required.Unmet(after) {
		if !slices.ContainsFunc(missing, func(m auth.Requirement) bool { return m.Role == r.Role && m.Permission == r.Permission }) {
			message := r.Coordinate + " in the schema requires the role " + string(r.Role) + "."
			if r.Permission != "" {
				message = r.Coordinate + " in the schema requires the permission " + string(r.Permission) + ", which no other role has."
			}
			return auth.BadInput(auth.FieldError{Field: field, Code: auth.InputInUse, Message: message})
		}
	}
	return nil
}

func recordRole(ctx context.Context, tx *transaction.Tx, kind auth.AuditEventKind, r *auth.RoleDefinition) error {
	return tx.Record(ctx, auth.AuditEvent{Kind: kind, Roles: []auth.Role{r.Name}, Permissions: r.Permissions})
}
