package auth

import "slices"

// Permission is one thing that a role may do, finer than the role itself. `@auth(permissions: …)`
// names it; nobody is given one but through a role.
type Permission string

// The permissions.
const (
	PermissionReadAudit Permission = "audit:read"
)

// permissions say what each role may do. This table is the one place that does: add yours here. The
// server does not start while the schema asks for a permission that no role has.
var permissions = map[Role][]Permission{
	RoleAdmin: {PermissionReadAudit},
}

// Permissions returns what the role may do.
func (r Role) Permissions() []Permission { return permissions[r] }

// holds reports whether one of the roles has the permission.
func holds(roles []Role, p Permission) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(permissions[r], p) })
}
