package access

import (
	"context"
	"slices"
	"time"

	"usher/internal/auth"
	"usher/internal/auth/internal/caller"
)

// PermissionsInterval is how often to call RefreshPermissions, and so how long a change to the permissions of a role may
// take to reach the guards with `check: TOKEN` of another replica.
const PermissionsInterval = 5 * time.Second

// RefreshPermissions reads the permissions of all roles, for the guards with `check: TOKEN`. Until it has succeeded once,
// they find that no role has a permission. When it fails, they use what it read before.
func (s *Service) RefreshPermissions(ctx context.Context) error {
	roles, err := s.store.Roles(ctx)
	if err != nil {
		return err
	}
	copied := make(map[auth.Role][]auth.Permission, len(roles))
	for _, r := range roles {
		copied[r.Name] = r.Permissions
	}
	s.permissions.Store(&copied)
	return nil
}

// permits reports whether the caller's roles have the permissions of a rule. A guard that checks the session asks the
// store, once per request. A guard that checks only the token uses the copy of this process, and costs no query. The
// caller is locked.
func (s *Service) permits(ctx context.Context, c *caller.State, rule *auth.Rule, roles []auth.Role) (bool, error) {
	if len(rule.Permissions) == 0 {
		return true, nil
	}
	if rule.Check == auth.CheckToken {
		return rule.Permits(s.copiedPermissions(roles)), nil
	}
	granted, err := s.granted(ctx, c, roles)
	return err == nil && rule.Permits(granted), err
}

// granted returns the permissions of the roles of the viewer. The caller is locked.
func (s *Service) granted(ctx context.Context, c *caller.State, roles []auth.Role) ([]auth.Permission, error) {
	g := &c.Granted
	if !g.LookedUp {
		g.LookedUp, g.Err = true, errUndecided
		g.Permissions, g.Err = s.store.PermissionsOf(ctx, roles)
	}
	return g.Permissions, g.Err
}

func (s *Service) copiedPermissions(roles []auth.Role) (granted []auth.Permission) {
	copied := s.permissions.Load()
	if copied == nil {
		return nil
	}
	for _, r := range roles {
		granted = slices.Concat(granted, (*copied)[r])
	}
	return granted
}

// Allowances returns the roles of the caller and their permissions, for introspection. An anonymous caller gets those of
// the role USER, which they would have after a sign-up.
func (s *Service) Allowances(ctx context.Context) ([]auth.Role, []auth.Permission) {
	state, unlock := caller.Lock(ctx)
	defer unlock()
	v, err := s.viewer(ctx, state)
	if err != nil {
		roles := []auth.Role{auth.RoleUser}
		return roles, s.copiedPermissions(roles)
	}
	permissions, err := s.granted(ctx, state, v.User.Roles)
	if err != nil {
		permissions = nil
	}
	return auth.SortRoles(append(slices.Clone(v.User.Roles), auth.RoleUser)), permissions
}
