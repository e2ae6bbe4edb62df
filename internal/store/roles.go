package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"usher/internal/auth"
)

var roleColumns = columns{"name", "description", "created_at", "updated_at"}

func roleFields(r *auth.RoleDefinition) []any {
	return []any{&r.Name, &r.Description, (*timestamp)(&r.CreatedAt), (*timestamp)(&r.UpdatedAt)}
}

// grant is a row of role_permissions. A role without permissions has one with nil.
type grant struct {
	auth.RoleDefinition
	permission *auth.Permission
}

// The primary keys of both tables have this order. auth.SortRoles moves the built-in roles to the front.
var allRoles = `SELECT ` + roleColumns.of("roles") + `, role_permissions.permission
	FROM roles LEFT JOIN role_permissions ON role_permissions.role = roles.name
	ORDER BY roles.name, role_permissions.permission`

// Roles implements auth.RoleStore.
func (s *Store) Roles(ctx context.Context) ([]auth.RoleDefinition, error) {
	grants, err := list(ctx, s.read, "list roles", func(g *grant) []any {
		return append(roleFields(&g.RoleDefinition), &g.permission)
	}, allRoles)
	if err != nil {
		return nil, err
	}
	var found []auth.RoleDefinition
	var names []auth.Role
	for _, g := range grants {
		if len(found) == 0 || found[len(found)-1].Name != g.Name {
			g.Permissions = []auth.Permission{}
			found, names = append(found, g.RoleDefinition), append(names, g.Name)
		}
		if g.permission != nil {
			last := &found[len(found)-1]
			last.Permissions = append(last.Permissions, *g.permission)
		}
	}
	order := auth.SortRoles(names)
	slices.SortFunc(found, func(a, b auth.RoleDefinition) int { return slices.Index(order, a.Name) - slices.Index(order, b.Name) })
	return found, nil
}

// PermissionsOf implements auth.RoleStore.
func (s *Store) PermissionsOf(ctx context.Context, roles []auth.Role) ([]auth.Permission, error) {
	if len(roles) == 0 {
		return nil, nil
	}
	args := make([]any, len(roles))
	for i, r := range roles {
		args[i] = r
	}
	query := `SELECT DISTINCT permission FROM role_permissions WHERE role IN (` + placeholders(len(roles)) + `) ORDER BY permission`
	return list(ctx, s.read, "find permissions", func(p *auth.Permission) []any { return []any{p} }, query, args...)
}

var insertRole = roleColumns.insert("roles")

// CreateRole implements auth.RoleStore.
func (s *Store) CreateRole(ctx context.Context, r *auth.RoleDefinition) error {
	return s.together(ctx, func(tx *Store) error {
		if _, err := tx.exec(ctx, "create role", insertRole, roleFields(r)...); err != nil {
			return err
		}
		return tx.addPermissions(ctx, r)
	})
}

const updateRole = `UPDATE roles SET description = $2, updated_at = $3 WHERE name = $1`

// UpdateRole implements auth.RoleStore.
func (s *Store) UpdateRole(ctx context.Context, r *auth.RoleDefinition) error {
	return s.together(ctx, func(tx *Store) error {
		if err := tx.change(ctx, "update role", updateRole, r.Name, r.Description, timestamp(r.UpdatedAt)); err != nil {
			return err
		}
		if _, err := tx.exec(ctx, "remove permissions", `DELETE FROM role_permissions WHERE role = $1`, r.Name); err != nil {
			return err
		}
		return tx.addPermissions(ctx, r)
	})
}

func (s *Store) addPermissions(ctx context.Context, r *auth.RoleDefinition) error {
	if len(r.Permissions) == 0 {
		return nil
	}
	rows := make([]string, len(r.Permissions))
	var args []any
	for i, p := range r.Permissions {
		rows[i] = `($, $)`
		args = append(args, r.Name, p)
	}
	query := numbered(`INSERT INTO role_permissions (role, permission) VALUES ` + strings.Join(rows, ", "))
	_, err := s.exec(ctx, "add permissions", query, args...)
	return err
}

// The conditions are those of hasRole. trim removes the spaces at both ends.
var takeRole = numbered(`UPDATE users SET roles = trim(replace(' ' || roles || ' ', $, ' ')), updated_at = $ WHERE ` + hasRole)

// DeleteRole implements auth.RoleStore. A foreign key cascades to the role's permissions.
func (s *Store) DeleteRole(ctx context.Context, name auth.Role, now time.Time) error {
	return s.together(ctx, func(tx *Store) error {
		if err := tx.change(ctx, "delete role", `DELETE FROM roles WHERE name = $1`, name); err != nil {
			return err
		}
		_, err := tx.exec(ctx, "take role from users", takeRole, roleWord(name), timestamp(now), roleWord(name))
		return err
	})
}
