package auth

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
)

// Role is the name of a role: the schema's Role. It can stand in `@auth(requires: …)`, so it has the form of an enum value
// (GraphQL October 2021 §2.9.6), without lower-case letters.
type Role string

// The built-in roles. Nobody can delete them.
const (
	RoleUser  Role = "USER"
	RoleAdmin Role = "ADMIN"
)

// Roles lists the built-in roles, the least powerful first. The others are in the store.
var Roles = []Role{RoleUser, RoleAdmin}

// Permission is something that a role may do, such as "orders:read". `@auth(permissions: …)` requires it. Users have
// permissions only through their roles.
type Permission string

// PermissionReadAudit is the permission to read the audit log. Migrations give it to ADMIN.
const PermissionReadAudit Permission = "audit:read"

// The limits on roles. They bound what a request reads.
const (
	MaxRoles          = 100 // of the server
	MaxRolesOfUser    = 20
	MaxPermissions    = 100 // of a role
	maxRoleName       = 63
	maxPermissionName = 100
)

// Valid reports whether r has the form of a role: 1 to 63 upper-case letters, digits and "_", the first a letter.
func (r Role) Valid() bool {
	if r == RoleUser || r == RoleAdmin {
		return true
	}
	if len(r) == 0 || len(r) > maxRoleName || !between(r[0], 'A', 'Z') {
		return false
	}
	for i := range len(r) {
		if c := r[i]; !between(c, 'A', 'Z') && !between(c, '0', '9') && c != '_' {
			return false
		}
	}
	return true
}

// BuiltIn reports whether r is one of Roles.
func (r Role) BuiltIn() bool { return slices.Contains(Roles, r) }

// Valid reports whether p has the form of a permission: words separated by ":", in at most 100 characters. A word is a
// lower-case letter and then lower-case letters, digits, "_" and "-".
func (p Permission) Valid() bool {
	if len(p) > maxPermissionName {
		return false
	}
	for word := range strings.SplitSeq(string(p), ":") {
		if word == "" || !between(word[0], 'a', 'z') {
			return false
		}
		for i := range len(word) {
			if c := word[i]; !between(c, 'a', 'z') && !between(c, '0', '9') && c != '_' && c != '-' {
				return false
			}
		}
	}
	return true
}

func between(c, low, high byte) bool { return low <= c && c <= high }

// SortRoles returns the roles each once, the built-in ones first and the others by name.
func SortRoles(roles []Role) []Role {
	rank := func(r Role) int {
		if i := slices.Index(Roles, r); i >= 0 {
			return i
		}
		return len(Roles)
	}
	sorted := slices.Clone(roles)
	slices.SortFunc(sorted, func(a, b Role) int { return cmp.Or(rank(a)-rank(b), cmp.Compare(a, b)) })
	return slices.Compact(sorted)
}

// SortPermissions returns the permissions each once, by name. The result is never nil.
func SortPermissions(permissions []Permission) []Permission {
	sorted := append([]Permission{}, permissions...)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// RoleDefinition is a role with its permissions.
type RoleDefinition struct {
	Name Role
	// Description is for people; nil for none.
	Description *string
	// Permissions are sorted, each once.
	Permissions []Permission
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// RoleStore stores roles and their permissions. Which user has which role is part of the user.
type RoleStore interface {
	// Roles lists all roles in the order of SortRoles.
	Roles(ctx context.Context) ([]RoleDefinition, error)
	// PermissionsOf lists the permissions that any of the roles has, sorted and each once. Unknown roles have none.
	PermissionsOf(ctx context.Context, roles []Role) ([]Permission, error)
	// CreateRole writes a new role with its permissions.
	CreateRole(ctx context.Context, r *RoleDefinition) error
	// UpdateRole changes the description of a role, its permissions and the time of its update.
	UpdateRole(ctx context.Context, r *RoleDefinition) error
	// DeleteRole deletes a role and removes it from all users.
	DeleteRole(ctx context.Context, name Role, now time.Time) error
}

// Requirement is a role or a permission that a part of the schema requires. The other one is empty.
type Requirement struct {
	// Coordinate names the part of the schema, such as Query.users.
	Coordinate string
	Role       Role
	Permission Permission
}

// Requirements are all that the schema requires.
type Requirements []Requirement

// Unmet returns the requirements that no role satisfies, one for each role and permission.
func (all Requirements) Unmet(roles []RoleDefinition) (unmet Requirements) {
	for _, r := range all {
		met := slices.ContainsFunc(roles, func(d RoleDefinition) bool {
			return r.Role != "" && d.Name == r.Role || r.Permission != "" && slices.Contains(d.Permissions, r.Permission)
		})
		known := slices.ContainsFunc(unmet, func(u Requirement) bool { return u.Role == r.Role && u.Permission == r.Permission })
		if !met && !known {
			unmet = append(unmet, r)
		}
	}
	return unmet
}
