package admin

import (
	"slices"

	"usher/internal/auth"
)

// checkRoles returns what is wrong with roles of the input; nil for nothing.
func checkRoles(roles []auth.Role) *auth.FieldError {
	if slices.ContainsFunc(roles, func(r auth.Role) bool { return !r.Valid() }) {
		return &auth.FieldError{Field: "roles", Code: auth.InputInvalidFormat, Message: "Use roles of the schema."}
	}
	return nil
}

// completeRoles returns the wanted roles and USER, each once, in the order of auth.Roles.
func completeRoles(wanted []auth.Role) (roles []auth.Role) {
	for _, r := range auth.Roles {
		if r == auth.RoleUser || slices.Contains(wanted, r) {
			roles = append(roles, r)
		}
	}
	return roles
}
