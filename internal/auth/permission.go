package auth

import "slices"

// Permission is something that a role may do. `@auth(permissions: …)` requires it. Users have permissions only through
// their roles.
type Permission string

// The permissions.
const (
	PermissionReadAudit Permission = "audit:read"
)

// permissions are the permissions of each role. Add yours here. The server does not start when the schema requires a
// permission that no role has.
var permissions = map[Role][]Permission{
	RoleAdmin: {PermissionReadAudit},
}

// Permissions returns what the role may do.
func (r Role) Permissions() []Permission { return permissions[r] }

// holds reports whether one of the roles has the permission.
func holds(roles []Role, p Permission) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(permissions[r], p) })
}
